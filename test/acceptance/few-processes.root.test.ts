/** A user who may have no more processes for a while: what could not be started then is started afterwards. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countingGroup, faultInCount, Machine, pidsOf, until } from './rig.ts';

const bin = resolve(import.meta.dirname, '../../bin/holdfast');
const isRoot = process.geteuid?.() === 0;
/** Of nobody else, because processes are counted for each user; root may have any number. */
const UID = 61_234;
const ASSUME = ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups'];
const dir = mkdtempSync(join(tmpdir(), 'hf-user-'));
let machine: Machine;

function allow(pid: number | undefined, processes: number): void {
  const [command = '', ...words] = ASSUME;
  execFileSync(command, [...words, 'prlimit', '--pid', String(pid), `--nproc=${processes}:4096`]);
}

beforeEach(() => {
  const command = join(dir, 'holdfast');
  writeFileSync(command, `#!/bin/sh\nulimit -u 4096\nexec ${ASSUME.join(' ')} ${bin} "$@"\n`);
  chmodSync(command, 0o700);
  machine = new Machine(command);
  chownSync(machine.dataDir, UID, UID);
});
afterEach(() => machine.scrap());
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe.skipIf(!isRoot)('an agent of a user without processes left (needs root)', () => {
  it('replaces a lost executor host as soon as there is room, and no task notices', async () => {
    const agent = await machine.startAgent();
    const { allocId } = await agent.run(countingGroup('count', 1));
    const pids = await until('it runs', () => pidsOf(agent, allocId));
    const lost = machine.hostPid('executor') as number;
    allow(machine.agentPid, 1);
    process.kill(lost, 'SIGKILL');
    await until('it is tried', () => /posix_spawn [^"]*EAGAIN/.test(machine.output));
    expect(machine.hostPid('executor')).toBeUndefined();
    allow(machine.agentPid, 4096);
    await until('another one is there', () => machine.hostPid('executor'));
    expect(await pidsOf(agent, allocId)).toEqual(pids);
    await agent.stop('count');
    expect(faultInCount(machine.outputOf(allocId, 't0'))).toBeUndefined();
  });

  it('starts a task, by its restart policy, that no process was left for', async () => {
    const agent = await machine.startAgent();
    const first = await agent.run(countingGroup('first', 1));
    await until('it runs', () => pidsOf(agent, first.allocId));
    const executor = machine.hostPid('executor');
    allow(executor, 1);
    const restart = { attempts: 1_000, interval: '1h', delay: '300ms' };
    const second = await agent.run({ ...countingGroup('second', 1), restart });
    const failures = async (): Promise<string[]> => {
      const seen: string[] = [];
      const query = { until: 'head', types: ['TaskStartFailed'] } as const;
      for await (const { data } of agent.events(query)) seen.push(JSON.stringify(data));
      return seen;
    };
    const [failure] = await until('it failed', async () => {
      const seen = await failures();
      return seen.length > 0 && seen;
    });
    expect(failure).toContain('EAGAIN');
    allow(executor, 4096);
    await until('it runs after all', () => pidsOf(agent, second.allocId));
  });
});
