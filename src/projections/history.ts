/** Events with the states that they lead to: what `git log` is for a tree. */
import type { PublicEvent } from '../api.ts';
import { allocTable } from '../machines/alloc-machine.ts';
import { evolve, isLawful, type ChartState, type ChartTable } from '../machines/chart-table.ts';
import { taskTable } from '../machines/task-machine.ts';
import type { HistoryEntry } from '../api/task-history.ts';
import { factText } from './fact-text.ts';

/** `events` are all of one alloc or of one task from the first on, in order. */
export function historyOf(events: readonly PublicEvent[]): readonly HistoryEntry[] {
  const tasks = new Map<string, Fold>();
  const alloc = foldOf(allocTable);
  return events.map((event) => {
    const { position, time, type, allocId, task, run } = event;
    // Facts that are in no stream of its own leave it as it is.
    const states = allocId === null ? UNMOVED : fold(task, tasks, alloc)(event);
    return { position, time, type, task, run, ...states, text: factText(event) };
  });
}

const UNMOVED = { from: null, to: null };

type Fold = (event: PublicEvent) => { readonly from: string | null; readonly to: string | null };

function fold(task: string | null, tasks: Map<string, Fold>, alloc: Fold): Fold {
  if (task === null) return alloc;
  const known = tasks.get(task) ?? foldOf(taskTable);
  tasks.set(task, known);
  return known;
}

/** A state that cannot be told once is not told any more: what follows would be a guess. */
function foldOf<C>(table: ChartTable<C>): Fold {
  let state: ChartState<C> | undefined = table.initial;
  return ({ type, run, time, data }) => {
    const from = state?.value ?? null;
    const isKnown = state !== undefined && isLawful(table, state, type);
    const event = { type, run, at: Date.parse(time), data };
    state = state === undefined || !isKnown ? undefined : evolve(table, state, event);
    return { from, to: state?.value ?? null };
  };
}
