/** Sessions that began before this agent: what the log says is enough to go on with them. */
import type { KeptSession } from '../actors/sessions.ts';
import { parseStream, taskStream, type Recorded } from '../events/envelope.ts';
import type { TaskEvent } from '../events/task-event.ts';
import type { ExecDoors } from './exec.ts';

/** An end is looked for among so many events at most; its host knows how much of the output is kept. */
const LOOK_BACK_EVENTS = 5_000;

/** A task beside which the session is open. */
export function taskWith({ roster }: ExecDoors, session: string): string | undefined {
  for (const { allocId } of roster.runners) {
    for (const name of roster.taskNamesOf(allocId)) {
      const context = roster.foldedTask(taskStream(allocId, name))?.state.context;
      if (context?.sessions?.includes(session) === true) return `${allocId}/${name}`;
    }
  }
  return undefined;
}

/** One that ended just now, under an agent that is gone: its host has what its reader did not take. */
export function recallEnded({ agent }: ExecDoors, session: string): KeptSession | undefined {
  const { log, sessions } = agent;
  const after = Math.max(log.oldest - 1, log.head - LOOK_BACK_EVENTS);
  for (const event of log.readAll(after, { limit: LOOK_BACK_EVENTS }).toReversed()) {
    const { type, data } = event as Recorded<TaskEvent>;
    if (type !== 'SessionClosed' || data.session !== session) continue;
    const launchKey = launchKeyOf(log.readStream(event.stream), event.run);
    const place = parseStream(event.stream);
    if (place?.kind !== 'task' || launchKey === undefined) return undefined;
    const { allocId = '', task = '' } = place;
    const { exitCode, signal, reason } = data;
    return sessions.recall({ id: session, launchKey, allocId, task }, { exitCode, signal, reason });
  }
  return undefined;
}

function launchKeyOf(events: readonly Recorded[], run: number): string | undefined {
  for (const event of (events as readonly Recorded<TaskEvent>[]).toReversed()) {
    if (event.run !== run) continue;
    if (event.type === 'RunStarting' || event.type === 'TaskRecovered') return event.data.launchKey;
  }
  return undefined;
}
