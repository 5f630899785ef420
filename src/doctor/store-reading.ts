/** Everything that a store says, read once and without an agent: its facts, its faults, and the states it folds to. */
import type { Folded } from '../actors/event-sourced.ts';
import { foldRow, kindOf } from '../actors/fold-row.ts';
import { messageOf } from '../errors.ts';
import { decode } from '../events/codec.ts';
import { parseStream } from '../events/envelope.ts';
import type { StoredRow } from '../log/event-log.ts';
import {
  StoreCheck,
  type CheckedRow,
  type KnownMark,
  type StoreFault,
} from '../log/store-check.ts';
import type { StoreFile } from '../log/store-file.ts';
import type { AllocContext } from '../machines/alloc-machine.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { LastWords } from './last-words.ts';
import { SnapshotCheck } from './snapshot-check.ts';

/** A stream that cannot be folded from here on: an agent leaves it alone, and does nothing for it. */
export interface Quarantined {
  readonly stream: string;
  readonly position: number;
  readonly reason: string;
}

export interface StoreReading {
  readonly faults: readonly StoreFault[];
  /** Those of `faults` that are about the file as a whole: what it once had may be missing without a trace. */
  readonly fileFaults: readonly StoreFault[];
  readonly quarantined: readonly Quarantined[];
  /** By stream name, without those that are damaged or quarantined. */
  readonly tasks: ReadonlyMap<string, Folded<TaskContext>>;
  /** By alloc id, in the order of their acceptance. */
  readonly allocs: ReadonlyMap<string, Folded<AllocContext>>;
  /** Names of all allocs that were ever accepted, by id, also of damaged ones. */
  readonly names: ReadonlyMap<string, string>;
  /** Which task each run was of, by launch key. */
  readonly runs: ReadonlyMap<string, string>;
  /** Rows that are what was written. */
  readonly events: number;
  readonly eventsByType: ReadonlyMap<string, number>;
  /** Streams that have events. */
  readonly streams: number;
  /** Agents that wrote here. */
  readonly epochs: ReadonlySet<number>;
  readonly lastWords: LastWords;
  /** The newest time that an event bears, milliseconds since the epoch. */
  readonly newestAt: number;
}

export function readStore(file: StoreFile, mark: KnownMark): StoreReading {
  const check = new StoreCheck(file);
  const fold = new Fold(new SnapshotCheck(file));
  const faults: StoreFault[] = [];
  for (const found of check.rows()) {
    if ('row' in found) fold.take(found);
    else faults.push(found);
    if ('fault' in found && found.stream !== null) fold.giveUp(found.stream);
  }
  const { snapshotFaults, ...outcome } = fold.outcome();
  const fileFaults = check.faults(mark);
  return { ...outcome, fileFaults, faults: [...faults, ...snapshotFaults, ...fileFaults] };
}

class Fold {
  readonly #snapshots: SnapshotCheck;
  /** By stream name, in the order in which they began. */
  readonly #states = new Map<string, Folded<unknown>>();
  readonly #quarantined: Quarantined[] = [];
  readonly #broken = new Set<string>();
  readonly #names = new Map<string, string>();
  readonly #runs = new Map<string, string>();
  readonly #streams = new Set<string>();
  readonly #byType = new Map<string, number>();
  readonly #epochs = new Set<number>();
  #events = 0;
  #newestAt = 0;
  readonly #lastWords = new LastWords();

  constructor(snapshots: SnapshotCheck) {
    this.#snapshots = snapshots;
  }

  take({ row, epoch }: CheckedRow): void {
    this.#events += 1;
    this.#streams.add(row.stream);
    this.#byType.set(row.type, (this.#byType.get(row.type) ?? 0) + 1);
    if (epoch > 0) this.#epochs.add(epoch);
    this.#newestAt = Math.max(this.#newestAt, row.at);
    if (this.#broken.has(row.stream)) return;
    try {
      this.#note(row.stream, decode(row));
      this.#fold(row);
    } catch (error) {
      const { stream, position } = row;
      this.giveUp(stream);
      this.#quarantined.push({ stream, position, reason: messageOf(error) });
    }
  }

  /** A state that is folded over a gap would be wrong. */
  giveUp(stream: string): void {
    // Nothing is folded from the node's stream: its other events are as good as before.
    if (kindOf(stream) === undefined) return;
    this.#broken.add(stream);
    this.#states.delete(stream);
  }

  outcome(): Omit<StoreReading, 'faults' | 'fileFaults'> & {
    readonly snapshotFaults: readonly StoreFault[];
  } {
    return {
      snapshotFaults: this.#snapshots.faults().filter(({ stream }) => !this.#isBroken(stream)),
      quarantined: this.#quarantined,
      tasks: this.#statesOf('task', (stream) => stream),
      allocs: this.#statesOf('alloc', (stream) => parseStream(stream)?.allocId ?? ''),
      names: this.#names,
      runs: this.#runs,
      events: this.#events,
      eventsByType: this.#byType,
      streams: this.#streams.size,
      epochs: this.#epochs,
      lastWords: this.#lastWords,
      newestAt: this.#newestAt,
    };
  }

  #isBroken(stream: string | null): boolean {
    return stream !== null && this.#broken.has(stream);
  }

  #statesOf<C>(kind: 'task' | 'alloc', keyOf: (stream: string) => string): Map<string, Folded<C>> {
    const wanted = [...this.#states].filter(([stream]) => kindOf(stream) === kind);
    return new Map(wanted.map(([stream, folded]) => [keyOf(stream), folded as Folded<C>]));
  }

  #fold(row: StoredRow): void {
    const before = this.#states.get(row.stream);
    const folded = foldRow(before, row);
    this.#states.set(row.stream, folded);
    this.#snapshots.see(row.stream, folded, before === undefined);
  }

  #note(stream: string, event: ReturnType<typeof decode>): void {
    const { allocId = '' } = parseStream(stream) ?? {};
    if (event.type === 'AllocReceived') this.#names.set(allocId, event.data.name);
    if (event.type === 'TaskReceived') this.#names.set(allocId, event.data.allocName);
    if (event.type === 'RunStarting' || event.type === 'TaskRecovered') {
      this.#runs.set(event.data.launchKey, stream);
    }
    this.#lastWords.note(event);
  }
}
