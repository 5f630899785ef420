/** `holdfast logs` with real tasks: what stands on stdout, on stderr and in the exit status. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Machine, until } from '../acceptance/rig.ts';
import type { Orchestrator } from '../../src/api.ts';

let machine: Machine;
let agent: Orchestrator;
beforeEach(async () => {
  machine = new Machine();
  agent = await machine.startAgent();
});
afterEach(() => machine.scrap());

const shell = (name: string, script: string) => ({
  name,
  driver: 'raw_exec',
  config: { command: '/bin/sh', args: ['-c', script] },
});

interface Told {
  readonly time: string;
  readonly line?: string;
  readonly data?: string;
  readonly cursor: string;
  readonly run: number;
}
function objects(text: string): Told[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Told);
}

describe('the output of an alloc with two tasks', () => {
  beforeEach(async () => {
    const restart = { attempts: 1, delay: '0s', mode: 'fail', interval: '1h' } as const;
    const script = 'echo one; sleep 0.3; echo two >&2; sleep 0.3; printf three; exit 1';
    const tasks = [{ ...shell('failing', script), restart }, shell('binary', "printf 'a\\377\\n'")];
    await agent.run({ name: 'web', type: 'batch', tasks });
    await until('it is over', async () => !(await agent.inspect('web')).isLive);
  });

  it('is byte for byte, in parts, in lines, in order, or refused', () => {
    const failing = machine.holdfast('logs', 'web/failing');
    expect([failing.stdout, failing.stderr]).toEqual(['one\nthreeone\nthree', 'two\ntwo\n']);
    const first = machine.holdfast('logs', 'web/failing', '--run', '1', '--stdout');
    expect([first.stdout, first.stderr]).toEqual(['one\nthree', '']);
    const last = machine.holdfast('logs', 'web/failing', '-n', '2', '--run', 'last');
    expect([last.stdout, last.stderr]).toEqual(['three', 'two\n']);

    const timed = machine.holdfast('logs', 'web/failing', '-t', '--run', '2').stdout;
    expect(timed).toMatch(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (one|three)\n){2}$/);
    const now = machine.holdfast('logs', 'web/failing', '-S', '0s');
    expect([now.stdout, now.stderr, now.status]).toEqual(['', '', 0]);
    const hour = machine.holdfast('logs', 'web/failing', '-S', '1h', '-U', '0s', '--run', '1');
    expect(hour.stdout).toBe('one\nthree');

    const told = objects(machine.holdfast('logs', 'web', '--prefix', '--json').stdout);
    const lines = told.map(({ line = '', data = '' }) => line || data);
    expect(lines).toHaveLength(7);
    expect(lines.filter((line) => line !== 'Yf8=')).toEqual([
      'one',
      'two',
      'three',
      'one',
      'two',
      'three',
    ]);
    const times = told.map(({ time }) => time);
    expect(times).toEqual(times.toSorted());
    const named = machine.holdfast('logs', 'web', '--prefix', '--stderr').stderr;
    expect(named).toBe('failing | two\nfailing | two\n');

    const second = objects(machine.holdfast('logs', 'web/failing', '--json').stdout)[1];
    const rest = machine.holdfast('logs', 'web/failing', '--after', second?.cursor ?? '');
    expect(rest.stdout).toBe('threeone\nthree');

    const refusals = [['web'], ['web/failing', '--run', '3'], ['web/failing', '-S', 'soon']];
    const refused = refusals.map((args) => machine.holdfast('logs', ...args));
    expect(refused.map(({ status, stdout }) => [status, stdout])).toEqual([
      [3, ''],
      [3, ''],
      [2, ''],
    ]);
    expect(refused.map(({ stderr }) => stderr.trim())).toEqual([
      'holdfast: web has 2 tasks, name one of them: web/failing, web/binary; or all with --prefix',
      'holdfast: web/failing has no run 3: its runs are 1 to 2',
      expect.stringContaining('not "soon"'),
    ]);
  });
});

describe('a reader', () => {
  it('that follows misses nothing when the agent is killed, and ends with the task', async () => {
    const script =
      'i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); [ $((i%100)) -gt 0 ] || sleep 0.1; done';
    await agent.run({ name: 'job', type: 'batch', tasks: [shell('main', script)] });
    const args = ['logs', 'job', '-f', '--data-dir', machine.dataDir];
    const reader = spawn(machine.command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = once(reader, 'exit');
    const seen = { stdout: '', stderr: '' };
    reader.stdout.on('data', (data: Buffer) => (seen.stdout += String(data)));
    reader.stderr.on('data', (data: Buffer) => (seen.stderr += String(data)));
    await until('it reads', async () => seen.stdout.length > 500);
    await machine.killAgent();
    await until('it waits', async () => seen.stderr.includes('waiting for the next agent'));
    agent = await machine.startAgent();
    expect((await ended)[0]).toBe(0);
    expect(seen.stdout).toBe(Array.from({ length: 3_000 }, (_one, at) => `${at}\n`).join(''));
  });

  it('that has seen enough ends it quietly', async () => {
    await agent.run({ name: 'job', type: 'batch', tasks: [shell('main', 'seq 200000')] });
    await until('it is over', async () => !(await agent.inspect('job')).isLive);
    const script = '"$0" logs job --data-dir "$1" | head -n 1; echo ${PIPESTATUS[0]}';
    const { stdout, stderr } = spawnSync('bash', ['-c', script, machine.command, machine.dataDir], {
      encoding: 'utf8',
    });
    expect([stdout, stderr]).toEqual(['1\n0\n', '']);
  });
});
