/**
 * How late restarts are: from the recorded time of each to the recorded start of its program, under one agent, and for
 * times that were over when the next agent began.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Orchestrator } from '../src/api.ts';
import { eventsSoFar, Machine, until } from '../test/acceptance/rig.ts';
import { median, printFigures, quantile, type Figure } from './figures.ts';

const TASKS = 5;
const RESTARTS = 100;
/** One more, and an agent would start nothing for a minute. */
const KILLS = 4;
/** Of a restart, with the quarter that chance may add. */
const LONGEST_WAIT_MS = 500;

const restart = { attempts: 100_000, interval: '1000h', delay: '400ms', mode: 'delay' } as const;
const config = { command: 'sh', args: ['-c', 'exit 3'] };

export async function benchRestart(): Promise<readonly Figure[]> {
  const machine = new Machine();
  try {
    let agent = await machine.startAgent();
    const tasks = Array.from({ length: TASKS }, (_one, index) => ({
      name: `t${index}`,
      driver: 'raw_exec',
      config,
      restart,
    }));
    const { allocId } = await agent.run({ name: 'failing', tasks });
    const inTime = await until('enough restarts', () => lateness(agent, allocId, RESTARTS));
    const afterwards: number[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      await machine.killAgent();
      await pause(LONGEST_WAIT_MS);
      agent = await machine.startAgent();
      const missed = await until('it goes on', () => lateness(agent, allocId, 1, true));
      afterwards.push(...missed);
    }
    await agent.stop(allocId);
    return [
      {
        name: `restarts of ${TASKS} tasks were late`,
        value: median(inTime),
        unit: 'ms',
        note: `${inTime.length} restarts, p99 ${Math.round(quantile(inTime, 0.99))} ms, earliest ${Math.min(...inTime)} ms; the start of the program included`,
      },
      {
        name: 'first restart after an agent was away for longer than the wait, from its opening',
        value: median(afterwards),
        unit: 'ms',
        note: `${afterwards.length} kills`,
      },
    ];
  } finally {
    await machine.scrap();
  }
}

/** Milliseconds of each restart, at least `least` of them; of the newest agent's first one with `isFirst`. */
async function lateness(agent: Orchestrator, ref: string, least: number, isFirst = false) {
  const events = await eventsSoFar(agent, { ref });
  const opened = (await eventsSoFar(agent, { types: ['AgentStarted'] })).at(-1);
  const openedAt = Date.parse(opened?.time ?? '');
  const found: number[] = [];
  const due = new Map<string | null, number>();
  for (const event of events) {
    const { at, startedAt } = event.data as { at?: number; startedAt?: number };
    const wasDue = due.get(event.task);
    if (event.type === 'TaskRestarting') due.set(event.task, at ?? 0);
    if (event.type !== 'TaskStarted' || wasDue === undefined || startedAt === undefined) continue;
    due.delete(event.task);
    if (!isFirst) found.push(startedAt - wasDue);
    // What the agent before began and this one found is none of its own.
    else if (startedAt >= openedAt && wasDue < openedAt) return [startedAt - openedAt];
  }
  return !isFirst && found.length >= least ? found : undefined;
}

if (import.meta.main) printFigures(await benchRestart());
