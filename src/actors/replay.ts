/** Folds the log into states: what an agent knows when it opens, before it does anything. */
import { assert, HoldfastError, messageOf } from '../errors.ts';
import { allocStream, parseStream, type Recorded, type StreamName } from '../events/envelope.ts';
import type { EventLog } from '../log/event-log.ts';
import { openStore, type OpenedStore, type OpenStoreOptions } from '../log/open-store.ts';
import type { Snapshots } from '../log/snapshot-cache.ts';
import { isAllocLive } from '../machines/alloc-facts.ts';
import type { AllocContext } from '../machines/alloc-machine.ts';
import { evolve, type ChartTable } from '../machines/chart-table.ts';
import type { TaskContext } from '../machines/task-state.ts';
import type { Folded } from './event-sourced.ts';
import { Folding, foldNext, FOLDING, fromSnapshot, kindOf } from './fold-row.ts';

export interface Replayed {
  /** By stream name. */
  readonly tasks: Map<string, Folded<TaskContext>>;
  readonly allocs: Map<string, Folded<AllocContext>>;
  /** Streams that could not be folded, and why: they are left alone, and nothing is done for them. */
  readonly quarantined: Map<string, HoldfastError>;
  /** How many were folded: all that there are, or those that are newer than the snapshots. */
  events: number;
  /** The states that no snapshot has yet, of all streams that were folded. */
  readonly unsaved: Map<StreamName, Folded<unknown>>;
  /** Everything up to this position is in the states. */
  through: number;
  /** The snapshots cover the log up to here, 0 when there are none. */
  saved: number;
}

export function emptyReplay(): Replayed {
  return {
    tasks: new Map(),
    allocs: new Map(),
    quarantined: new Map(),
    events: 0,
    unsaved: new Map(),
    through: 0,
    saved: 0,
  };
}

/** Opens the store, whatever state it is in, and folds it. Errors as `openStore`. */
export async function openReplayed(
  options: Omit<OpenStoreOptions, 'replay'>,
): Promise<{ store: OpenedStore; replayed: Replayed }> {
  let replayed = emptyReplay();
  const store = await openStore({
    ...options,
    replay(log) {
      replayed = emptyReplay();
      replayLog(log, replayed);
    },
  });
  return { store, replayed };
}

/**
 * Folds into `into`, which is empty: the snapshots and the rows after them, or all rows when there are none or when
 * anything is wrong with them. The states are the same. Errors are those of `rows()`; a stream that cannot be folded is
 * quarantined.
 */
export function replayLog(log: EventLog, into: Replayed): void {
  const snapshots = log.snapshots.read(FOLDING);
  if (snapshots !== undefined) {
    try {
      foldOnto(snapshots, log, into);
      return;
    } catch (error) {
      for (const states of [into.tasks, into.allocs, into.unsaved]) states.clear();
      into.events = 0;
      into.saved = 0;
      log.snapshots.drop(messageOf(error));
    }
  }
  foldAll(log, into);
}

/** Throws when the snapshots and the rows after them do not make one whole. */
function foldOnto(snapshots: Snapshots, log: EventLog, into: Replayed): void {
  const { tasks, allocs, unsaved } = into;
  const states = new Map<StreamName, Folded<unknown>>();
  for (const snapshot of snapshots.states) states.set(snapshot.stream, fromSnapshot(snapshot));
  into.through = snapshots.through;
  into.saved = snapshots.through;
  for (const row of log.rows(snapshots.through)) {
    into.events += 1;
    into.through = row.position;
    const before = states.get(row.stream);
    if (before !== undefined && row.version <= before.version) continue;
    const folded = foldNext(before, row);
    states.set(row.stream, folded);
    unsaved.set(row.stream, folded);
  }
  // In the order in which they began, which is the order of a full replay.
  for (const stream of snapshots.streams) {
    const kind = kindOf(stream);
    const folded = states.get(stream);
    assert(folded, `${stream} has no snapshot`);
    // Appends go by the index of the streams, which nobody has held against its events. To finished streams
    // nothing is appended, who removes one looks at its rows (`sqlite-rows.ts`), who reads one gets an error.
    const isAsked = !isOver(stream, folded, states);
    const isMisplaced = isAsked && log.versionOf(stream) !== folded.version;
    assert(!isMisplaced, `${stream} ends elsewhere in the index`);
    if (kind === 'task') tasks.set(stream, folded as Folded<TaskContext>);
    if (kind === 'alloc') allocs.set(stream, folded as Folded<AllocContext>);
  }
}

/** True for a stream that nothing is ever appended to again: a task that is dead may be begun anew with its alloc. */
function isOver(
  stream: StreamName,
  { state }: Folded<unknown>,
  states: ReadonlyMap<StreamName, Folded<unknown>>,
): boolean {
  const { kind, allocId = '' } = parseStream(stream) ?? {};
  if (kind === 'alloc') return state.value === 'removed';
  if (kind !== 'task' || state.value !== 'dead') return false;
  const alloc = states.get(allocStream(allocId));
  return alloc === undefined || !isAllocLive(alloc.state.value);
}

function foldAll(log: EventLog, into: Replayed): void {
  const { tasks, allocs, quarantined, unsaved } = into;
  const foldings = new Map<StreamName, Folding>();
  for (const row of log.rows()) {
    const { stream } = row;
    into.events += 1;
    into.through = row.position;
    if (quarantined.size > 0 && quarantined.has(stream)) continue;
    let folding = foldings.get(stream);
    if (folding === undefined) foldings.set(stream, (folding = new Folding(stream)));
    try {
      folding.fold(row);
    } catch (error) {
      quarantined.set(stream, HoldfastError.from(error));
      foldings.delete(stream);
    }
  }
  for (const [stream, folding] of foldings) {
    const { kind, version, position, state } = folding;
    const folded = { version, position, state };
    unsaved.set(stream, folded);
    if (kind === 'task') tasks.set(stream, folded as Folded<TaskContext>);
    if (kind === 'alloc') allocs.set(stream, folded as Folded<AllocContext>);
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
