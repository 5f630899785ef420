/** What tasks use, from real agents and hosts: over restarts, and over a host that is killed. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Orchestrator, TaskStats } from '../../src/api.ts';
import { machineCapabilities } from '../../src/os/machine-capabilities.ts';
import { Machine, pidsOf, until } from './rig.ts';

const limits = (await machineCapabilities()).find(({ name }) => name === 'limits.memory');

let machine: Machine;
let agent: Orchestrator;
beforeEach(async () => {
  machine = new Machine();
  agent = await machine.startAgent();
});
afterEach(() => machine.scrap());

const BUSY = { command: 'sh', args: ['-c', 'while :; do :; done'] };

async function running(task: object): Promise<string> {
  const tasks = [{ name: 'one', driver: 'raw_exec', config: BUSY, ...task }];
  const { allocId } = await agent.run({ name: 'busy', tasks });
  await until('it runs', () => pidsOf(agent, allocId));
  return allocId;
}

/** The samples up to the first that is enough. */
async function statsUntil(
  samples: AsyncIterable<TaskStats>,
  isEnough: (sample: TaskStats) => boolean,
): Promise<readonly TaskStats[]> {
  const all: TaskStats[] = [];
  for await (const sample of samples) {
    all.push(sample);
    if (isEnough(sample)) return all;
  }
  throw new Error('the samples ended');
}

it('goes on where it was when the host is killed, and anew when the task is restarted', async () => {
  await running({});
  const seen: TaskStats[] = [];
  let act = async (): Promise<void> => {
    process.kill(machine.hostPid('executor') ?? 0, 'SIGKILL');
    act = () => agent.restart('busy/one');
  };
  for await (const sample of agent.stats('busy', { intervalMs: 200 })) {
    seen.push(sample);
    if (seen.length === 3 || seen.length === 9) await act();
    if (sample.run === 2 && seen.filter(({ run }) => run === 2).length === 3) break;
  }
  for (const run of [1, 2]) {
    const ofRun = seen.filter((one) => one.run === run);
    const totals = ofRun.map(({ cpu }) => cpu.totalNs);
    expect(totals).toEqual(totals.toSorted((left, right) => left - right));
    expect(ofRun[0]?.cpu.percent).toBe(0);
    expect(ofRun.at(-1)?.cpu.percent).toBeGreaterThan(0);
  }
  expect(machine.hostPid('executor')).toBeGreaterThan(0);
});

it('ends when the tasks that were named are over', async () => {
  const config = { command: 'sleep', args: ['1'] };
  await agent.run({
    name: 'short',
    type: 'batch',
    tasks: [{ name: 'one', driver: 'raw_exec', config }],
  });
  const runs: number[] = [];
  for await (const { run } of agent.stats('short', { intervalMs: 100 })) runs.push(run);
  expect(new Set(runs)).toEqual(new Set([1]));
  expect((await agent.inspect('short')).tasks).toMatchObject([{ nomadState: 'dead' }]);
});

describe.skipIf(limits?.isAvailable !== true)(`with limits (${limits?.reason})`, () => {
  it('tells what is counted against them, and how often it was held up', async () => {
    const resources = { memoryMb: 64, cpuMax: 0.2, pids: 20 };
    await running({ resources });
    const samples = agent.stats('busy/one', { intervalMs: 200, processes: true });
    const isHeldUp = ({ cpu }: TaskStats): boolean => (cpu.throttledPeriods ?? 0) > 2;
    const sample = (await statsUntil(samples, isHeldUp)).at(-1);
    const { cpu, memory, pids, threads, processes } = sample ?? ({} as Partial<TaskStats>);
    expect(memory?.limitBytes).toBe(64 * 1024 * 1024);
    for (const bytes of [memory?.usageBytes, memory?.maxUsageBytes, memory?.rssBytes]) {
      expect(bytes).toBeGreaterThan(0);
      expect(bytes).toBeLessThan(64 * 1024 * 1024);
    }
    expect(memory?.workingSetBytes).toBeLessThanOrEqual(memory?.usageBytes ?? 0);
    expect(cpu?.throttledNs).toBeGreaterThan(0);
    expect([pids, threads, processes?.map(({ command }) => command)]).toEqual([1, 1, ['sh']]);
  });
});
