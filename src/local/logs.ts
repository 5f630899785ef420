/** What a task wrote, as it lies in its files. */
import type { LogChunk, LogQuery } from '../api.ts';
import type { AgentDoors } from '../actors/agent-doors.ts';
import type { Roster } from '../actors/roster.ts';
import { HoldfastError } from '../errors.ts';
import { taskStream } from '../events/envelope.ts';
import { taskDirsOf } from '../layout.ts';
import { assertLogQuery } from '../log-query.ts';
import { ownerOf } from '../output/cursor.ts';
import { type OutputChunk, readOutput, type ReadOutputOptions } from '../output/reader.ts';
import { hasUnread } from '../output/unread.ts';

export interface LogDoors {
  readonly agent: AgentDoors;
  readonly roster: Roster;
}

interface Task {
  readonly allocId: string;
  readonly task: string;
}

/**
 * Errors: NOT_FOUND, also for a run that never was; USAGE for an alloc of several tasks, and for a query that makes no
 * sense; CAPABILITY_MISSING for a task whose output is not kept.
 */
export async function* taskLogs(
  doors: LogDoors,
  ref: string,
  query: LogQuery,
): AsyncGenerator<LogChunk, void, undefined> {
  assertLogQuery(query);
  const place = taskOf(doors.roster, ref);
  assertKept(doors.roster, place);
  const leave = enter(doors, place, ref);
  try {
    for await (const chunk of readOutput(toOptions(doors, place, query))) yield toChunk(chunk);
  } finally {
    leave();
  }
}

/** Its files stay until everybody has left. Throws NOT_FOUND when they are gone, or about to go. */
function enter({ agent, roster }: LogDoors, { allocId }: Task, ref: string): () => void {
  if (roster.folded(allocId)?.state.value === 'removed') {
    throw new HoldfastError('NOT_FOUND', `the output of ${ref} was removed with its alloc`);
  }
  return agent.readers.enter(allocId);
}

function taskOf(roster: Roster, ref: string): Task {
  const { allocId, task } = roster.resolve(ref);
  if (task !== undefined) return { allocId, task };
  const [first, ...others] = roster.taskNamesOf(allocId);
  if (first !== undefined && others.length === 0) return { allocId, task: first };
  const tasks = roster.taskNamesOf(allocId);
  const text = `alloc ${ref} has several tasks: name one of ${tasks.map((name) => `${ref}/${name}`).join(', ')}`;
  throw new HoldfastError('USAGE', text, { details: { tasks } });
}

function assertKept(roster: Roster, { allocId, task }: Task): void {
  const spec = roster.folded(allocId)?.state.context.spec;
  if (spec?.tasks.find(({ name }) => name === task)?.logs.disabled !== true) return;
  const text = `nothing is kept of what ${spec.name}/${task} writes: its spec says logs.disabled`;
  throw new HoldfastError('CAPABILITY_MISSING', text);
}

function toOptions(
  { agent, roster }: LogDoors,
  { allocId, task }: Task,
  query: LogQuery,
): ReadOutputOptions {
  const stream = taskStream(allocId, task);
  const { logs, stdoutFifo, stderrFifo } = taskDirsOf(agent.layout, allocId, task);
  const { tail, origin, offset, since, until, after, signal } = query;
  const run = runOf(query, `${roster.nameOf(allocId)}/${task}`, roster.newestRunOf(stream));
  return {
    dir: logs,
    stem: task,
    owner: ownerOf(allocId, task),
    stream: query.stream ?? 'both',
    follow: query.follow ?? false,
    // An alloc that was forgotten meanwhile is over too. What waits for its disk is still to come.
    ended: () =>
      (roster.foldedTask(stream)?.state.value === 'dead' || !roster.isKnown(allocId)) &&
      !hasUnread([stdoutFifo, stderrFifo]),
    newestRun: () => roster.newestRunOf(stream),
    ...(run === undefined ? {} : { run }),
    ...(tail === undefined ? {} : { tail }),
    ...(origin === undefined ? {} : { origin }),
    ...(offset === undefined ? {} : { offset }),
    ...(since === undefined ? {} : { sinceMs: since.getTime() }),
    ...(until === undefined ? {} : { untilMs: until.getTime() }),
    ...(after === undefined ? {} : { from: after }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** Before the first run the newest one is the first, for those who wait for it. */
function runOf({ run }: LogQuery, name: string, newest: number): number | undefined {
  if (run === undefined || run === 'all') return undefined;
  if (run === 'last') return Math.max(1, newest);
  if (run <= newest) return run;
  const text =
    newest === 0
      ? `${name} has not run yet`
      : `${name} has no run ${run}: its runs are 1 to ${newest}`;
  throw new HoldfastError('NOT_FOUND', text, { details: { run, newest } });
}

function toChunk({ stream, data, cursor, run, at, gap }: OutputChunk): LogChunk {
  const time = at === undefined ? null : new Date(at).toISOString();
  return { stream, data, cursor, run, time, ...(gap === undefined ? {} : { gap }) };
}
