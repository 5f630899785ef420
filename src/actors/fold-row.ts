/** One stored row folded into the state of its stream, whatever kind of stream it is, and states as snapshots. */
import { createHash } from 'node:crypto';
import { HoldfastError } from '../errors.ts';
import { decodeVerified, VOCABULARIES } from '../events/codec.ts';
import type { AnyEvent, StreamName } from '../events/envelope.ts';
import { UPCASTERS } from '../events/upcasters.ts';
import type { StoredRow } from '../log/event-log.ts';
import type { StreamSnapshot } from '../log/snapshot-cache.ts';
import { allocTable } from '../machines/alloc-machine.ts';
import { evolve, readsEvent, type ChartState, type ChartTable } from '../machines/chart-table.ts';
import { taskTable } from '../machines/task-machine.ts';
import { PACKAGE_VERSION } from '../version.ts';
import type { Folded } from './event-sourced.ts';

/** The node's stream is not folded: all that is kept of it is how far it has come. */
const NODE: ChartState<unknown> = { value: 'node', context: null };

const TABLES = { task: taskTable, alloc: allocTable } as const;

export function kindOf(stream: StreamName): keyof typeof TABLES | undefined {
  if (stream.startsWith('task/')) return 'task';
  return stream.startsWith('alloc/') ? 'alloc' : undefined;
}

/**
 * The state after a row; `before` is undefined for the first row of its stream. Errors: EVENT_UNKNOWN and
 * EVENT_MALFORMED for an event that this code cannot read, INTERNAL for one that is not lawful in that state.
 */
export function foldRow(before: Folded<unknown> | undefined, row: StoredRow): Folded<unknown> {
  const { version, position } = row;
  const kind = kindOf(row.stream);
  if (kind === undefined) return { version, position, state: NODE };
  const table = TABLES[kind] as ChartTable<unknown>;
  const state = before?.state ?? table.initial;
  // Most events say only that a state was left: their data need not be parsed to fold them.
  const event: AnyEvent = readsEvent(table, state, row.type)
    ? decodeVerified(kind, row)
    : { type: row.type, run: row.run, at: row.at, data: undefined };
  return { version, position, state: evolve(table, state, event) };
}

/** The same, for a row that must be the next one of its stream. Errors: those, and INTERNAL when it is not. */
export function foldNext(before: Folded<unknown> | undefined, row: StoredRow): Folded<unknown> {
  const expected = (before?.version ?? 0) + 1;
  if (row.version === expected) return foldRow(before, row);
  const text = `${row.stream} goes on at version ${row.version}, not at ${expected}`;
  throw new HoldfastError('INTERNAL', text);
}

/**
 * One word for everything that a folded state depends on, so that states of other code are never taken for states of
 * this one. The version of the package is part of it for whatever the rest does not see: each release folds the whole
 * log once.
 */
export const FOLDING = createHash('sha256')
  .update(JSON.stringify([PACKAGE_VERSION, TABLES, VOCABULARIES, UPCASTERS], everything))
  .digest('hex')
  .slice(0, 32);

/** Functions by their text, maps by their entries. */
function everything(_key: string, part: unknown): unknown {
  if (part instanceof Map) return [...part];
  return typeof part === 'function' ? String(part) : part;
}

export function toSnapshot(stream: StreamName, folded: Folded<unknown>): StreamSnapshot {
  const { version, position, state } = folded;
  return { stream, version, position, state: JSON.stringify(state) };
}

/** Errors: EVENT_MALFORMED when it is not the text of a state. */
export function fromSnapshot({ stream, version, position, state }: StreamSnapshot) {
  try {
    return { version, position, state: JSON.parse(state) as ChartState<unknown> };
  } catch (cause) {
    const text = `the snapshot of ${stream} is no state`;
    throw new HoldfastError('EVENT_MALFORMED', text, { cause });
  }
}
