/** What is said of an alloc that is due to go. */
import type { GcEntry } from '../api.ts';
import { isoTime } from '../projections/task-view.ts';
import type { AgentDoors } from './agent-doors.ts';
import type { Due } from './retention-rules.ts';
import type { Roster } from './roster.ts';

/** Before anything is done about it. */
export function entryOf(roster: Roster, { allocId, rule }: Due): GcEntry {
  const { name = '', status = '', stoppedAt } = roster.folded(allocId)?.state.context ?? {};
  const facts = { alloc: name, allocId, state: status, endedAt: isoTime(stoppedAt), rule };
  return { ...facts, outcome: 'due', reason: '' };
}

/** What would become of it now. */
export function forecast(
  { agent, roster }: { readonly agent: Pick<AgentDoors, 'readers'>; readonly roster: Roster },
  due: Due,
): GcEntry {
  const entry = entryOf(roster, due);
  const { allocId } = due;
  const failure = roster.folded(allocId)?.state.context.removalFailure;
  if (failure !== undefined) return { ...entry, outcome: 'stuck', reason: failure };
  if (agent.readers.countOf(allocId) === 0) return entry;
  return { ...entry, outcome: 'read', reason: 'its output is being read' };
}
