import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import { cgroupAnswers } from '../../src/os/cgroup-answers.ts';
import { machineCgroups } from '../../src/os/cgroup-layout.ts';
import { cgroupMembers, cgroupsOfRuns, type RunCgroup } from '../../src/os/cgroup-tree.ts';
import { Machine, until } from './rig.ts';

const isRoot = process.geteuid?.() === 0;
const { tracking, limits } = cgroupAnswers(machineCgroups());
const obstacle = isRoot
  ? [tracking, limits.memory].find((one) => !one.isAvailable)?.reason
  : 'root';

/** Leaves a daemon that has no mark, no session of the run and no parent, and takes too much memory when it is told. */
const SCRIPT = `
  (setsid env -i setsid /bin/sleep 4311 &)
  while [ ! -e "$1" ]; do sleep 0.05; done
  exec dd if=/dev/zero of=/dev/null bs=80M count=1`;

describe.skipIf(obstacle !== undefined)(`a confined task (${obstacle ?? tracking.reason})`, () => {
  let machine: Machine;
  afterEach(() => machine.scrap());

  function cgroups(): readonly RunCgroup[] {
    const text = readFileSync(join(machine.dataDir, 'state', 'instance.json'), 'utf8');
    const { instanceId } = JSON.parse(text) as { instanceId: string };
    return cgroupsOfRuns(machineCgroups()).filter((one) => one.instanceId === instanceId);
  }

  function pidsInCgroup(): readonly number[] {
    return cgroups().flatMap(({ dir }) => cgroupMembers(dir).pids);
  }

  async function started(
    agent: Orchestrator,
  ): Promise<{ allocId: string; pids: readonly number[] }> {
    chmodSync(machine.dataDir, 0o711);
    const { allocId } = await agent.run({
      name: 'hungry',
      type: 'batch',
      restart: { attempts: 0, mode: 'fail' },
      tasks: [
        {
          name: 'main',
          driver: 'raw_exec',
          user: 'daemon',
          resources: { memoryMb: 24 },
          config: { command: '/bin/sh', args: ['-c', SCRIPT, 'sh', join(machine.dataDir, 'go')] },
        },
      ],
    });
    // Of the pauses of the loop each was a copy of the shell for a moment: only these two stay.
    const pids = await until('the task and its daemon run', async () => {
      const daemon = pidsInCgroup().find((pid) => commandOf(pid) === '/bin/sleep 4311');
      const leader = (await agent.inspect(allocId)).tasks[0]?.pid ?? undefined;
      return leader !== undefined && daemon !== undefined && [leader, daemon];
    });
    return { allocId, pids };
  }

  async function killAll(): Promise<void> {
    await machine.killAgent();
    for (const kind of ['executor', 'logmon'] as const) {
      const pid = machine.hostPid(kind);
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    }
  }

  async function endOf(agent: Orchestrator, allocId: string): Promise<unknown> {
    await until('the task is over', async () => !(await agent.inspect(allocId)).isLive);
    const ends: unknown[] = [];
    for await (const event of agent.events({
      until: 'head',
      ref: allocId,
      types: ['TaskExited'],
    })) {
      ends.push(event.data);
    }
    return ends;
  }

  it('is reattached with its cgroup after agent and hosts were killed, and its end is told whole', async () => {
    machine = new Machine();
    const { allocId, pids } = await started(await machine.startAgent());
    await killAll();
    const agent = await machine.startAgent();
    expect(agent.recovery.tasks).toMatchObject([{ outcome: 'reattached' }]);
    expect((await agent.inspect(allocId)).tasks[0]?.pid).toBe(pids[0]);
    expect(pidsInCgroup()).toEqual(expect.arrayContaining([...pids]));
    writeFileSync(join(machine.dataDir, 'go'), '');
    expect(await endOf(agent, allocId)).toMatchObject([{ signal: 'SIGKILL', oomKilled: true }]);
    await until('its cgroup is gone, and its daemon with it', () => cgroups().length === 0);
    // One that init has not counted yet has no command any more.
    expect(pids.filter((pid) => commandOf(pid) !== '')).toEqual([]);
  });

  it('is told to have run out of memory although nobody lived when it did', async () => {
    machine = new Machine();
    const { allocId, pids } = await started(await machine.startAgent());
    await killAll();
    writeFileSync(join(machine.dataDir, 'go'), '');
    await until('the program has ended', () => !existsSync(`/proc/${pids[0]}`));
    const agent = await machine.startAgent();
    expect(await endOf(agent, allocId)).toMatchObject([{ signal: 'SIGKILL', oomKilled: true }]);
    await until('its daemon is gone', () => !existsSync(`/proc/${pids[1]}`));
    await machine.killAgent();
    await machine.startAgent();
    expect(pidsInCgroup()).toEqual([]);
  });
});

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
