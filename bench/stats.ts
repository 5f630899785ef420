/** What it costs to measure: processor time of everything that is ours, with 100 idle tasks and a reader at 1 Hz. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator } from '../src/api.ts';
import { printFigures, type Figure } from './figures.ts';
import { Machine, pidsOf, until } from '../test/acceptance/rig.ts';

const TASKS = 100;
const ROUNDS = 3;
const ROUND_MS = 10_000;
/** For the starts to be over with all that follows them. */
const SETTLE_MS = 5_000;
const TICKS_PER_SECOND = 100;

export async function benchStats(): Promise<readonly Figure[]> {
  const machine = new Machine();
  try {
    const agent = await machine.startAgent();
    const config = { command: 'sleep', args: ['100000'] };
    const tasks = Array.from({ length: TASKS }, (_one, index) => ({
      name: `t${index}`,
      driver: 'raw_exec',
      config,
    }));
    const alloc = await agent.run({ name: 'idle', tasks });
    const programs = await until('all tasks run', () => pidsOf(agent, alloc.allocId));
    await delay(SETTLE_MS);
    const ours = ownProcesses(machine.dataDir).filter((pid) => !programs.includes(pid));
    // Turn about, so that whatever else the machine does falls on both.
    const [without, measured]: [number[], number[]] = [[], []];
    let samples = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      without.push(await share(ours, () => delay(ROUND_MS)));
      measured.push(await share(ours, async () => (samples += await listen(agent))));
    }
    await agent.stop(alloc.allocId);
    const note = `${samples} samples; hosts and agent, the reader not`;
    return [
      {
        name: `processor for ${TASKS} idle tasks, measured once a second`,
        value: average(measured),
        unit: '% of one core',
        target: '<= 2',
        baseline: { name: 'nobody asks', value: average(without) },
        note,
      },
    ];
  } finally {
    await machine.scrap();
  }
}

async function listen(agent: Orchestrator): Promise<number> {
  let samples = 0;
  const signal = AbortSignal.timeout(ROUND_MS);
  for await (const _ of agent.stats(undefined, { intervalMs: 1_000, signal })) samples += 1;
  return samples;
}

/** Of one core, in percent, that these processes took while `work` went on. */
async function share(pids: readonly number[], work: () => Promise<unknown>): Promise<number> {
  const [beganTicks, beganAt] = [ticksOf(pids), performance.now()];
  await work();
  const seconds = (performance.now() - beganAt) / 1_000;
  return ((ticksOf(pids) - beganTicks) / TICKS_PER_SECOND / seconds) * 100;
}

function ticksOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function ownProcesses(dataDir: string): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid) || pid === process.pid) return false;
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(dataDir);
      } catch {
        return false;
      }
    });
}

if (import.meta.main) printFigures(await benchStats());
