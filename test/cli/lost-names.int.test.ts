/** The names by which an agent is found and kept alone are removed under it: it takes them again, or ends. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isRunning, Machine, pidsOf, runningPid, until } from '../acceptance/rig.ts';

let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.scrap());

const inState = (...names: string[]): string => join(machine.dataDir, 'state', ...names);

function removeLock(): void {
  for (const name of readdirSync(inState())) {
    if (name.startsWith('lock')) rmSync(inState(name));
  }
}

it('an agent whose socket was removed listens again, and who was connected stays so', async () => {
  const before = await machine.startAgent();
  const pid = await runningPid(before, 'count');
  rmSync(join(machine.dataDir, 'agent.sock'));
  const after = await machine.connect();
  expect(await pidsOf(after, 'count')).toEqual([pid]);
  expect(await pidsOf(before, 'count')).toEqual([pid]);
  expect((await after.agent()).agentEpoch).toBe((await before.agent()).agentEpoch);
});

it('an agent whose lock was removed takes it again, and its tasks go on', async () => {
  const pid = await runningPid(await machine.startAgent(), 'count');
  const { agentPid } = machine;
  removeLock();
  await until('it holds the lock again', () => readdirSync(inState()).includes('lock.json'));
  const agent = await until('it is open again', async () => {
    const found = await machine.connect();
    return (await found.agent()).agentEpoch === 2 && found;
  });
  expect(await until('it is adopted', () => pidsOf(agent, 'count'))).toEqual([pid]);
  const second = machine.holdfast('agent');
  expect([second.status, second.stderr]).toEqual([4, expect.stringContaining(`${agentPid}`)]);
});

it('an agent that another one replaced meanwhile ends, also when that one has ended', async () => {
  const pid = await runningPid(await machine.startAgent(), 'count');
  const first = machine.agentPid;
  process.kill(first, 'SIGSTOP');
  removeLock();
  const second = await machine.startAgent();
  await second.close({ tasks: 'leave' });
  await until('the second has ended', () => !isRunning(machine.agentPid));
  process.kill(first, 'SIGCONT');
  await until('the first has ended', () => !isRunning(first));
  expect(machine.output).toContain('agent 2 took over from agent 1');
  expect(isRunning(pid)).toBe(true);
});

it('a task whose FIFOs were removed leaves no host behind when it and its agent have ended', async () => {
  const agent = await machine.startAgent();
  await runningPid(agent, 'count');
  const hosts = (['executor', 'logmon'] as const).map((kind) => machine.hostPid(kind) ?? 0);
  rmSync(inState('fifo'), { recursive: true });
  await agent.stop('count');
  await agent.close({ tasks: 'leave' });
  await until('every host has ended', () => !hosts.some(isRunning));
});
