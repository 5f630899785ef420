/** An agent, and hosts, that may open few files. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { countingGroup, isRunning, Machine, pidsOf, runningPid, until } from './rig.ts';

const bin = resolve(import.meta.dirname, '../../bin/holdfast');
const dir = mkdtempSync(join(tmpdir(), 'hf-few-'));
let machine: Machine | undefined;

afterEach(() => machine?.scrap());
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The command as a shell with so small a limit starts it. */
function commandWith(files: number): string {
  const path = join(dir, 'holdfast');
  writeFileSync(path, `#!/bin/sh\nulimit -n ${files}\nexec ${bin} "$@"\n`);
  chmodSync(path, 0o700);
  return path;
}

describe('a command that may open too few files', () => {
  const words = 'at least 32 open files are needed, and ulimit -n is';

  it.each([
    [20, ['ps'], `holdfast: ${words} 20: raise it\n`],
    [16, ['agent'], `holdfast: ${words} 16: raise it\n`],
    [40, ['agent'], /needs at least 48 open files.* may have 40: raise ulimit -n/],
  ] as const)('of %i says how many are needed, and ends (%j)', (files, args, said) => {
    machine = new Machine(commandWith(files));
    const { status, signal, stderr } = machine.holdfast(...args);
    expect({ status, signal }).toEqual({ status: 1, signal: null });
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(said);
  });

  it('runs what it can as soon as there are 48, says why not more, and goes on to answer', async () => {
    machine = new Machine(commandWith(48));
    const agent = await machine.startAgent();
    await runningPid(agent, 'one');
    const { allocId } = await agent.run({ ...countingGroup('many', 40), restart: { attempts: 0 } });
    const reason = await until('one of them fails', async () => {
      const { tasks } = await agent.inspect(allocId);
      return tasks.find(({ state }) => state === 'failed')?.reason;
    });
    expect(reason).toMatch(/of the 48 files are open .*: raise ulimit -n/);
    await agent.stop('many');
    expect(machine.holdfast('ps').stdout).toMatch(/^one .* running/m);
  });
});

describe('an agent that may open 64 files', () => {
  it('shares a group among as many hosts as its output needs', async () => {
    machine = new Machine(commandWith(64));
    const agent = await machine.startAgent();
    const { allocId } = await agent.run(countingGroup('many', 12));
    await until('all of them run', () => pidsOf(agent, allocId));
    for (let task = 0; task < 12; task += 1) {
      const output = (): string => machine?.outputOf(allocId, `t${task}`) ?? '';
      await until('it is collected from', () => output().includes('\n20\n'));
    }
    const { stdout } = machine.holdfast('doctor', '--json');
    const findings = JSON.parse(stdout) as { check: string; level: string; message: string }[];
    const about = (name: string) => findings.filter(({ check }) => check === name);
    expect(about('open files')[0]?.message).toBe(`only 64 for the agent (pid ${machine.agentPid})`);
    expect(about('host').filter(({ level }) => level === 'warn').length).toBeGreaterThan(3);
    const { tasks } = await agent.inspect(allocId);
    expect(tasks.map(({ restarts }) => restarts)).toEqual(Array.from({ length: 12 }, () => 0));
  });
});

describe('a collector that may open no more files', () => {
  it('leaves the next task to another one', async () => {
    machine = new Machine();
    const agent = await machine.startAgent();
    const first = await agent.run(countingGroup('first', 1));
    await until('it runs', () => pidsOf(agent, first.allocId));
    const collector = machine.hostPid('logmon') ?? 0;
    const open = readdirSync(`/proc/${collector}/fd`).length;
    execFileSync('prlimit', ['--pid', String(collector), `--nofile=${open}:${open}`]);
    const second = await agent.run(countingGroup('second', 1));
    await until('it runs too', () => pidsOf(agent, second.allocId));
    expect(isRunning(collector)).toBe(true);
    const output = (): string => machine?.outputOf(second.allocId, 't0') ?? '';
    await until('it is collected from', () => output().includes('\n20\n'));
  });
});
