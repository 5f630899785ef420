/** Stored rows folded into the state of their stream, whatever kind of stream it is, and states as snapshots. */
import { createHash } from 'node:crypto';
import { HoldfastError } from '../errors.ts';
import { decodeVerified, VOCABULARIES } from '../events/codec.ts';
import type { AnyEvent, StreamName } from '../events/envelope.ts';
import { UPCASTERS } from '../events/upcasters.ts';
import type { StoredRow } from '../log/event-log.ts';
import type { StreamSnapshot } from '../log/snapshot-cache.ts';
import { allocTable } from '../machines/alloc-machine.ts';
import {
  evolveInPlace,
  ownState,
  type ChartState,
  type ChartTable,
} from '../machines/chart-table.ts';
import { taskTable } from '../machines/task-machine.ts';
import { PACKAGE_VERSION } from '../version.ts';
import type { Folded } from './event-sourced.ts';

const TABLES = { task: taskTable, alloc: allocTable } as const;
type Kind = keyof typeof TABLES;

/** How the rows of each kind of stream are read. */
const DECODE: Readonly<Record<Kind, (row: StoredRow) => AnyEvent>> = {
  task: (row) => decodeVerified('task', row),
  alloc: (row) => decodeVerified('alloc', row),
};

/** The node's stream is not folded: all that is kept of it is how far it has come. */
const NODE: ChartState<unknown> = { value: 'node', context: null };

export function kindOf(stream: StreamName): Kind | undefined {
  if (stream.startsWith('task/')) return 'task';
  return stream.startsWith('alloc/') ? 'alloc' : undefined;
}

/** A stream that is being folded, row by row, in one place that nobody else holds. */
export class Folding implements Folded<unknown> {
  version = 0;
  position = 0;
  readonly state: ChartState<unknown>;
  readonly kind: Kind | undefined;

  /** Goes on from a state, or begins with the first row of the stream. */
  constructor(stream: StreamName, from?: Folded<unknown>) {
    this.kind = kindOf(stream);
    const first = this.kind === undefined ? NODE : TABLES[this.kind].initial;
    this.state = ownState(from?.state ?? first);
    if (from === undefined) return;
    this.version = from.version;
    this.position = from.position;
  }

  /**
   * Errors: EVENT_UNKNOWN and EVENT_MALFORMED for an event that this code cannot read, INTERNAL for one that is not
   * lawful in this state. It is not to be used any more then.
   */
  fold(row: StoredRow): void {
    const { kind } = this;
    this.version = row.version;
    this.position = row.position;
    if (kind === undefined) return;
    const table = TABLES[kind] as ChartTable<unknown>;
    evolveInPlace(table, this.state, row, DECODE[kind]);
  }
}

/** The state after a row; `before` is undefined for the first of its stream and is left as it is. Errors as `fold`. */
export function foldRow(before: Folded<unknown> | undefined, row: StoredRow): Folded<unknown> {
  const folding = new Folding(row.stream, before);
  folding.fold(row);
  const { version, position, state } = folding;
  return { version, position, state };
}

/** The same for a row that must be the next one of its stream. Errors as `fold`, and INTERNAL when it is not. */
export function foldNext(before: Folded<unknown> | undefined, row: StoredRow): Folded<unknown> {
  const expected = (before?.version ?? 0) + 1;
  if (row.version !== expected) {
    const text = `${row.stream} goes on at version ${row.version}, not at ${expected}`;
    throw new HoldfastError('INTERNAL', text);
  }
  return foldRow(before, row);
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
