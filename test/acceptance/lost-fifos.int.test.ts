/** The FIFOs of living programs lose their names, or cannot be collected from: no line is lost, and nobody says "fine". */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { countingGroup, eventsSoFar, faultInCount, Machine, pidsOf, until } from './rig.ts';

let machine: Machine;
let agent: Orchestrator;
let allocId: string;
beforeEach(async () => {
  machine = new Machine();
  agent = await machine.startAgent();
  ({ allocId } = await agent.run(countingGroup('count', 2)));
  await until('both run', () => pidsOf(agent, allocId));
  await outputGrows();
});
afterEach(() => machine.scrap());

const inState = (...names: string[]): string => join(machine.dataDir, 'state', ...names);
const written = (task: string): number => machine.outputOf(allocId, task).length;

async function outputGrows(): Promise<void> {
  const before = ['t0', 't1'].map(written);
  await until('both write more', () =>
    ['t0', 't1'].every((task, at) => written(task) > (before[at] ?? 0)),
  );
}

function endLogmon(): void {
  process.kill(machine.hostPid('logmon') as number, 'SIGKILL');
}

function outputFindings(): readonly Finding[] {
  const { stdout } = machine.holdfast('doctor', '--json');
  return (JSON.parse(stdout) as Finding[]).filter(({ check }) => check === 'output');
}

const replaced = async (): Promise<readonly unknown[]> =>
  (await eventsSoFar(agent, { types: ['HostReplaced'] })).map(({ data }) => data);

async function stopsWithEveryLine(): Promise<void> {
  await agent.stop('count');
  const faults = ['t0', 't1'].map((task) => faultInCount(machine.outputOf(allocId, task)));
  expect(faults).toEqual([undefined, undefined]);
}

it('the next collector finds FIFOs without a name by whoever holds them', async () => {
  rmSync(inState('fifo'), { recursive: true });
  endLogmon();
  await until('it is replaced', async () => (await replaced()).length > 0);
  expect(await replaced()).toMatchObject([{ kind: 'logmon', adopted: 2 }]);
  await outputGrows();
  expect(outputFindings()).toEqual([]);
  await stopsWithEveryLine();
});

it('so does the next agent, when no host is left either', async () => {
  rmSync(inState('fifo'), { recursive: true });
  await machine.killAgent();
  for (const kind of ['executor', 'logmon'] as const) {
    process.kill(machine.hostPid(kind) as number, 'SIGKILL');
  }
  agent = await machine.startAgent();
  await outputGrows();
  expect(outputFindings()).toEqual([]);
  await stopsWithEveryLine();
});

it('the next run gets FIFOs of its own, and what it writes is collected from them', async () => {
  rmSync(inState('fifo'), { recursive: true });
  await agent.restart('count');
  await until('both run anew', async () => {
    const { tasks } = await agent.inspect('count');
    return tasks.every(({ run }) => run === 2) && pidsOf(agent, 'count');
  });
  await outputGrows();
  await agent.stop('count');
  for (const task of ['t0', 't1']) {
    const runs = machine.outputOf(allocId, task).split(/^(?=1$)/m);
    expect(runs.map(faultInCount)).toEqual([undefined, undefined]);
  }
});

it('what cannot be collected is told, fails the doctor, and is collected when it can be', async () => {
  const logs = inState('logs', allocId);
  renameSync(logs, `${logs}-away`);
  writeFileSync(logs, 'no directory');
  endLogmon();
  const told = () => eventsSoFar(agent, { types: ['ChildEscalated'] });
  await until('both are told', async () => (await told()).length === 2);
  const children = (await told()).map(({ data }) => (data as { child: string }).child);
  expect(children.toSorted()).toEqual(['t0', 't1'].map((task) => `output of ${allocId}/${task}`));
  await until('it is replaced', async () => (await replaced()).length > 0);
  expect(await replaced()).toMatchObject([{ adopted: 0 }]);
  expect(outputFindings()).toMatchObject([{ level: 'fail' }, { level: 'fail' }]);
  await machine.killAgent();
  agent = await machine.startAgent();
  await until('the new agent tells it too', async () => (await told()).length === 4);
  expect(outputFindings()).toHaveLength(2);
  rmSync(logs);
  renameSync(`${logs}-away`, logs);
  await outputGrows();
  expect(outputFindings()).toEqual([]);
  await stopsWithEveryLine();
});

it('a directory of output that is removed is made again, also by the next collector', async () => {
  for (const isLost of [false, true]) {
    rmSync(inState('logs', allocId), { recursive: true });
    if (isLost) endLogmon();
    const isThere = (task: string) => existsSync(inState('logs', allocId, `${task}.stdout`));
    await until('both write anew', () => isThere('t0') && isThere('t1'));
    await outputGrows();
  }
  expect(outputFindings()).toEqual([]);
});

it('what cannot be written is told once, fails the doctor, and its end is told', async () => {
  const logs = inState('logs', allocId);
  renameSync(logs, `${logs}-away`);
  writeFileSync(logs, 'no directory');
  const told = () => eventsSoFar(agent, { types: ['ChildEscalated'] });
  await until('both are told', async () => (await told()).length === 2);
  expect((await told()).map(({ data }) => (data as { message: string }).message)).toEqual(
    [0, 1].map(() => expect.stringMatching(/^it waits since .* cannot be written \(ENOTDIR\)/)),
  );
  expect(outputFindings()).toMatchObject(
    [0, 1].map(() => ({
      level: 'fail',
      message: expect.stringContaining(`cannot be written to (ENOTDIR)`),
    })),
  );
  const { stderr } = machine.holdfast('ps');
  expect(stderr).toMatch(/output of \S+\/t0 waits since .*: it cannot be written \(ENOTDIR\)/);
  rmSync(logs);
  renameSync(`${logs}-away`, logs);
  await outputGrows();
  await until('its end is told', async () => (await told()).length === 4);
}, 120_000);
