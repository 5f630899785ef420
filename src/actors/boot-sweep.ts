/**
 * What this machine shows that the log does not know: runs of ours whose events were lost with a store or a backup, and
 * processes that outlived everything that was known of them. Each is adopted, ended or left alone, before anything new
 * is started. Only what carries this instance's id is ever touched.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isRetryable } from '../errors.ts';
import { taskStream } from '../events/envelope.ts';
import { killRetryDelayMs, LEFTOVER_PLAN } from '../machines/kill-policy.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import { taskKey } from '../os/launch-key.ts';
import type { MarkedProcess } from '../os/marked-processes.ts';
import type { Intent } from '../os/run-directory.ts';
import { pause } from '../ports.ts';
import type { AgentDoors } from './agent-doors.ts';
import type { Roster } from './roster.ts';
import type { LeftBehind } from './spec-files.ts';

export type RunFound = Extract<TaskMessage, { type: 'RunFound' }>;

/** A run that nothing is to come of, with what lives of it. */
export interface Orphan {
  readonly launchKey: string;
  /** Of the task that its files name; null when nothing tells. */
  readonly stream: string | null;
  readonly pids: readonly number[];
  readonly verdict: 'kill' | 'hold';
  readonly reason: string;
}

export interface Survey {
  /** The newest run that the log has not heard of, by stream, of every task that is wanted or may be. */
  readonly found: ReadonlyMap<string, RunFound>;
  readonly orphans: readonly Orphan[];
}

export interface SurveyDoors {
  readonly agent: AgentDoors;
  readonly roster: Roster;
  /** Of allocs that only their spec files know. */
  readonly left: LeftBehind;
}

/** Looks once and changes nothing. Called before any actor wakes. */
export function surveyRuns(doors: SurveyDoors): Survey {
  const { runs, instanceId } = doors.agent;
  const { processes } = runs.marks();
  const isOurs = (one: MarkedProcess): boolean => one.instanceId === instanceId;
  const living = byRun(processes.filter(isOurs));
  const newest = doors.roster.newestRuns();
  const found = new Map<string, RunFound>();
  const orphans: Orphan[] = [];
  for (const launchKey of new Set([...runs.keys(), ...living.keys()])) {
    const pids = living.get(launchKey) ?? [];
    const sort = (verdict: 'kill' | 'hold', stream: string | null, reason: string): void =>
      void orphans.push({ launchKey, stream, pids, verdict, reason });
    const logged = newest.get(launchKey);
    if (logged !== undefined) {
      // Whoever stands by a task stands by its newest run.
      if (logged.isOver) sort('kill', logged.stream, 'its task is over');
      continue;
    }
    const intent = runs.intentOf(launchKey);
    if (intent.is === 'unreadable') sort('hold', null, `its files: ${intent.reason}`);
    else if (intent.is !== 'whole') sort('kill', null, 'nothing tells whose run it is');
    else if (intent.value.instanceId !== instanceId) sort('hold', null, 'its files are foreign');
    else adoptOrSort(doors, { ...intent.value, launchKey }, found, sort);
  }
  const strangers = processes.filter((one) => !isOurs(one) && runs.isHere(one.pid));
  return { found, orphans: [...orphans, ...leftHere(strangers)] };
}

/** Pids by launch key. */
function byRun(processes: readonly MarkedProcess[]): ReadonlyMap<string, readonly number[]> {
  const living = new Map<string, number[]>();
  for (const { pid, launchKey } of processes) {
    living.set(launchKey, [...(living.get(launchKey) ?? []), pid]);
  }
  return living;
}

/** Of an instance that this directory was before its state was removed: nobody can know what is to come of them. */
function leftHere(strangers: readonly MarkedProcess[]): readonly Orphan[] {
  const owners = new Map(strangers.map(({ launchKey, instanceId }) => [launchKey, instanceId]));
  return [...byRun(strangers)].map(([launchKey, pids]) => {
    const reason = `it works in this data directory, whose state of instance ${owners.get(launchKey)} is gone: it is never touched`;
    return { launchKey, stream: null, pids, verdict: 'hold', reason };
  });
}

function adoptOrSort(
  { roster, left }: SurveyDoors,
  {
    launchKey,
    allocId,
    task,
    run,
    token,
    mark,
    machineEpoch,
  }: Intent & { readonly launchKey: string },
  found: Map<string, RunFound>,
  sort: (verdict: 'kill' | 'hold', stream: string | null, reason: string) => void,
): void {
  const stream = taskStream(allocId, task);
  // A task that is left alone is left alone with all that runs of it.
  if (roster.isQuarantined(stream)) return;
  const newest = Math.max(found.get(stream)?.run ?? 0, roster.newestRunOf(stream));
  const isUnreadable = left.unreadable.has(allocId);
  const isWanted = roster.isWanted(stream) || isSaved(left, allocId, task);
  if (!isWanted && !isUnreadable) return sort('kill', stream, 'nobody wants its task');
  if (run <= newest) return sort('kill', stream, 'a newer run took its place');
  found.set(stream, { type: 'RunFound', run, launchKey, token, mark, machineEpoch });
  // Whoever wants it gives its spec again, under the same id, and finds it running.
  if (isUnreadable) sort('hold', stream, `the spec of alloc ${allocId} cannot be read`);
}

/** An update may have taken the task away: whoever stands by the alloc then does not stand by it. */
function isSaved({ saved }: LeftBehind, allocId: string, task: string): boolean {
  const found = saved.find((one) => one.allocId === allocId);
  return found !== undefined && found.spec.tasks.some(({ name }) => name === task);
}

/** Names what tasks keep over their runs whose runs are held: their output goes on. */
export function taskKeysOfHeld(orphans: readonly Orphan[]): readonly string[] {
  return orphans.flatMap(({ verdict, stream }) => {
    const [, allocId, task] = stream?.split('/') ?? [];
    return verdict === 'hold' && allocId !== undefined && task !== undefined
      ? [taskKey(allocId, task)]
      : [];
  });
}

/** Ends what lives of these, each tried once, and puts the files of the others away later. */
export async function endOrphans(
  agent: AgentDoors,
  orphans: readonly Orphan[],
  signal: AbortSignal,
): Promise<void> {
  const living = orphans.filter(({ pids }) => pids.length > 0);
  await Promise.all(
    living.map(async ({ launchKey, stream, pids, verdict, reason }) => {
      agent.logger.warn({ launchKey, stream, pids, verdict, reason }, 'nobody stands by this run');
      agent.record('OrphanFound', { launchKey, stream, pids, verdict, reason });
      if (verdict === 'hold') return;
      if (await isEnded(agent, launchKey, signal)) agent.runs.sweep(launchKey);
      else void endLater(agent, launchKey, signal).catch(() => undefined);
    }),
  );
}

/**
 * Networks of allocs that are over, and files of runs that no living process is marked with: removed where nothing
 * lives, ended where something does that gave its mark away, left where nobody can tell. One after the other, with a
 * turn for everybody else in between: a look takes milliseconds.
 */
export async function putAway(
  agent: AgentDoors,
  orphans: readonly Orphan[],
  signal: AbortSignal,
): Promise<void> {
  await agent.networks.sweep();
  for (const { launchKey, verdict, pids } of orphans) {
    if (verdict === 'hold' || pids.length > 0) continue;
    await nextTurn();
    if (signal.aborted) return;
    const life = agent.runs.lifeOf(launchKey);
    if (life === 'unknown') continue;
    if (life === 'dead' || (await isEnded(agent, launchKey, signal))) agent.runs.sweep(launchKey);
  }
}

async function isEnded(agent: AgentDoors, launchKey: string, signal: AbortSignal) {
  try {
    return (await agent.executor.stop({ launchKey }, LEFTOVER_PLAN, signal)).kind !== 'stuck';
  } catch (error) {
    if (!signal.aborted && !isRetryable(error)) throw error;
    return false;
  }
}

async function endLater(agent: AgentDoors, launchKey: string, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    await pause(agent.clock, agent.clock.steady() + killRetryDelayMs(attempt), signal);
    if (await isEnded(agent, launchKey, signal)) return agent.runs.sweep(launchKey);
  }
}
