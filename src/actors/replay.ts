/** Folds the whole log into states: what an agent knows when it opens, before it does anything. */
import { HoldfastError } from '../errors.ts';
import { decodeVerified } from '../events/codec.ts';
import type { AnyEvent, Recorded } from '../events/envelope.ts';
import type { EventLog, StoredRow } from '../log/event-log.ts';
import { allocTable, type AllocContext } from '../machines/alloc-machine.ts';
import { evolve, readsEvent, type ChartTable } from '../machines/chart-table.ts';
import { taskTable } from '../machines/task-machine.ts';
import type { TaskContext } from '../machines/task-state.ts';
import type { Folded } from './event-sourced.ts';

export interface Replayed {
  /** By stream name. */
  readonly tasks: Map<string, Folded<TaskContext>>;
  readonly allocs: Map<string, Folded<AllocContext>>;
  /** Streams that could not be folded, and why: they are left alone, and nothing is done for them. */
  readonly quarantined: Map<string, HoldfastError>;
  events: number;
}

export function emptyReplay(): Replayed {
  return { tasks: new Map(), allocs: new Map(), quarantined: new Map(), events: 0 };
}

/** Folds every row into `into`. Errors are those of `rows()`; a stream that cannot be folded is quarantined. */
export function replayLog(log: EventLog, into: Replayed): void {
  for (const row of log.rows()) {
    into.events += 1;
    if (row.stream.startsWith('task/')) {
      foldRow('task', taskTable, into.tasks, into.quarantined, row);
    } else if (row.stream.startsWith('alloc/')) {
      foldRow('alloc', allocTable, into.allocs, into.quarantined, row);
    }
  }
}

function foldRow<C>(
  kind: 'task' | 'alloc',
  table: ChartTable<C>,
  states: Map<string, Folded<C>>,
  quarantined: Map<string, HoldfastError>,
  row: StoredRow,
): void {
  if (quarantined.size > 0 && quarantined.has(row.stream)) return;
  const before = states.get(row.stream)?.state ?? table.initial;
  try {
    // Most events say only that a state was left: their data need not be parsed to fold them.
    const event: AnyEvent = readsEvent(table, before, row.type)
      ? decodeVerified(kind, row)
      : { type: row.type, run: row.run, at: row.at, data: undefined };
    const state = evolve(table, before, event);
    states.set(row.stream, { version: row.version, position: row.position, state });
  } catch (error) {
    quarantined.set(row.stream, HoldfastError.from(error));
    states.delete(row.stream);
  }
}

/** Folds the events of one stream, up to a position. */
export function foldEvents<C>(table: ChartTable<C>, events: readonly Recorded[]): Folded<C> {
  let folded: Folded<C> = { version: 0, position: 0, state: table.initial };
  for (const event of events) {
    const { version, position } = event;
    folded = { version, position, state: evolve(table, folded.state, event) };
  }
  return folded;
}
