/** Agents that are killed while tasks wait for their restart, and stay away for longer than the wait or not so long. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator, PublicEvent } from '../../src/api.ts';
import { messageOf } from '../../src/errors.ts';
import { eventsSoFar, type Machine, until } from '../acceptance/rig.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import type { Patch } from '../patch.ts';
import { sideBySide } from '../side-by-side.ts';
import { NEVER_SAFE, withPatient } from './patient.ts';

const FAILING = { driver: 'raw_exec', config: { command: 'sh', args: ['-c', 'exit 3'] } };
const LONG = { attempts: 5, interval: '100h', delay: '10h', mode: 'delay' } as const;
const SHORT = { attempts: 100_000, interval: '1000h', delay: '400ms', mode: 'delay' } as const;
/** Side by side, at full size. */
const MACHINES = 2;
/** Longer than the short wait with all that chance adds to it, sometimes. */
const LONGEST_AWAY_MS = 900;

/** Every agent lets its tasks wait from the beginning. */
const WAITS_ANEW: readonly Patch[] = [
  {
    file: 'src/machines/task-memory.ts',
    find: 'nextStartAt: at,',
    replace: 'nextStartAt: Date.now() + delayMs,',
  },
];
/** A restart that comes a little before its time. */
const EARLY: readonly Patch[] = [
  {
    file: 'src/actors/task-duties.ts',
    find: 'await pause(doors.clock, Math.min(nextStartAt, longest), scope.signal);',
    replace: 'await pause(doors.clock, Math.min(nextStartAt, longest) - 200, scope.signal);',
  },
];

export const backoffKills: Drill = {
  name: 'backoff kills',
  promise: 'a restart comes when it was recorded to, whatever becomes of agents: never early',
  tools: [],
  privileges: [],
  mutants: [[NEVER_SAFE], WAITS_ANEW, EARLY],
  cases: { share: 3, full: 500 },
  async run(findings, cases) {
    // They wait more than they work.
    const machines = cases < MACHINES * 10 ? 1 : MACHINES;
    const kills = Array.from({ length: machines }, () => Math.ceil(cases / machines));
    await sideBySide(kills, machines, (some) =>
      findings.attempt('kills', () => withPatient((it) => waits(findings, it, some))),
    );
    for (const [name, patches, word] of [
      ['an agent that lets its tasks wait anew', WAITS_ANEW, /another deadline/],
      ['a restart that comes early', EARLY, /early/],
    ] as const) {
      const work = (machine: Machine): Promise<unknown> => waits(undefined, machine, 2);
      const text = await withPatient(work, patches).then(() => 'nothing was noticed', messageOf);
      findings.control(name, word.test(text), text);
    }
  },
};

/** Throws what is wrong. */
async function waits(findings: Findings | undefined, machine: Machine, kills: number) {
  let agent = await machine.startAgent();
  const tasks = [
    { name: 'long', ...FAILING, restart: LONG },
    { name: 'short', ...FAILING, restart: SHORT },
  ];
  const { allocId } = await agent.run({ name: 'waiting', tasks });
  const deadline = await until('it waits', () => nextStart(agent, allocId));
  for (let kill = 1; kill <= kills; kill += 1) {
    await delay(findings?.between(0, 300) ?? 100);
    await machine.killAgent();
    await delay(findings?.between(0, LONGEST_AWAY_MS) ?? LONGEST_AWAY_MS);
    const runs = await machine.startAgent().then((next) => runOf((agent = next), allocId));
    const found = await nextStart(agent, allocId);
    if (found !== deadline) throw new Error(`kill ${kill}: another deadline, ${found}`);
    // At once where the time was over; what it costs an agent to wait anew would come on top of it.
    await until('it runs again', async () => (await runOf(agent, allocId)) > runs);
    findings?.count('kills');
  }
  await agent.stop(allocId);
  const events = await eventsSoFar(agent, { ref: `${allocId}/short` });
  const { restarts, past } = assertOnTime(
    events,
    await eventsSoFar(agent, { types: ['AgentStarted'] }),
  );
  findings?.count('restarts that waited', restarts);
  findings?.count('deadlines that passed while there was no agent', past);
}

async function nextStart(agent: Orchestrator, allocId: string): Promise<string | undefined> {
  return (await agent.inspect(allocId)).tasks[0]?.nextStartAt ?? undefined;
}
async function runOf(agent: Orchestrator, allocId: string): Promise<number> {
  return (await agent.inspect(allocId)).tasks[1]?.run ?? 0;
}

/** One start for each deadline, and none before it; one that was over when an agent came, before the next one came. */
function assertOnTime(
  events: readonly PublicEvent[],
  agents: readonly PublicEvent[],
): { restarts: number; past: number } {
  let restarts = 0;
  let past = 0;
  for (const [index, { type, data, position }] of events.entries()) {
    if (type !== 'TaskRestarting') continue;
    const { at } = data as { readonly at: number };
    const rest = events.slice(index + 1);
    const next = rest.find((event) => event.type === 'TaskStarted');
    if (next === undefined) break;
    const { startedAt } = next.data as { readonly startedAt: number };
    if (startedAt < at) throw new Error(`${at - startedAt} ms early, at position ${position}`);
    const again = rest.find((event) => event.type === 'TaskRestarting');
    if (again !== undefined && again.position < next.position) {
      throw new Error(`a second deadline at position ${again.position}`);
    }
    restarts += 1;
    const came = agents.find((agent) => agent.position > position);
    if (came === undefined || Date.parse(came.time) < at || came.position > next.position) continue;
    past += 1;
    const later = agents.find((agent) => agent.position > came.position);
    if (later !== undefined && later.position < next.position) {
      throw new Error(`not at once, although its time was over: position ${next.position}`);
    }
  }
  return { restarts, past };
}
