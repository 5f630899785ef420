/** Everything that a store says, read once and without an agent: its facts, its faults, and the states it folds to. */
import type { Folded } from '../actors/event-sourced.ts';
import { messageOf } from '../errors.ts';
import { decode } from '../events/codec.ts';
import { parseStream, type AnyEvent } from '../events/envelope.ts';
import type { StoredRow } from '../log/event-log.ts';
import {
  StoreCheck,
  type CheckedRow,
  type KnownMark,
  type StoreFault,
} from '../log/store-check.ts';
import type { StoreFile } from '../log/store-file.ts';
import { allocTable, type AllocContext } from '../machines/alloc-machine.ts';
import { evolve, type ChartTable } from '../machines/chart-table.ts';
import { taskTable } from '../machines/task-machine.ts';
import type { TaskContext } from '../machines/task-state.ts';

/** A stream that cannot be folded from here on: an agent leaves it alone, and does nothing for it. */
export interface Quarantined {
  readonly stream: string;
  readonly position: number;
  readonly reason: string;
}

export interface LastAgent {
  readonly agentEpoch: number;
  readonly pid: number;
  readonly version: string;
  readonly machineEpoch: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

export interface StoreReading {
  readonly faults: readonly StoreFault[];
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
  readonly lastAgent: LastAgent | undefined;
  /** The newest time that an event bears, milliseconds since the epoch. */
  readonly newestAt: number;
}

export function readStore(file: StoreFile, mark: KnownMark): StoreReading {
  const check = new StoreCheck(file);
  const fold = new Fold();
  const faults: StoreFault[] = [];
  for (const found of check.rows()) {
    if ('row' in found) fold.take(found);
    else faults.push(found);
    if ('fault' in found && found.stream !== null) fold.giveUp(found.stream);
  }
  faults.push(...check.faults(mark));
  return { ...fold.outcome(), faults };
}

class Fold {
  readonly #tasks = new Map<string, Folded<TaskContext>>();
  readonly #allocs = new Map<string, Folded<AllocContext>>();
  readonly #quarantined: Quarantined[] = [];
  readonly #broken = new Set<string>();
  readonly #names = new Map<string, string>();
  readonly #runs = new Map<string, string>();
  readonly #streams = new Set<string>();
  readonly #byType = new Map<string, number>();
  readonly #epochs = new Set<number>();
  #events = 0;
  #newestAt = 0;
  #lastAgent: LastAgent | undefined;

  take({ row, epoch }: CheckedRow): void {
    this.#events += 1;
    this.#streams.add(row.stream);
    this.#byType.set(row.type, (this.#byType.get(row.type) ?? 0) + 1);
    if (epoch > 0) this.#epochs.add(epoch);
    this.#newestAt = Math.max(this.#newestAt, row.at);
    if (this.#broken.has(row.stream)) return;
    try {
      this.#fold(row, decode(row));
    } catch (error) {
      const { stream, position } = row;
      this.giveUp(stream);
      this.#quarantined.push({ stream, position, reason: messageOf(error) });
    }
  }

  /** A state that is folded over a gap would be wrong. */
  giveUp(stream: string): void {
    const { kind, allocId = '' } = parseStream(stream) ?? {};
    // Nothing is folded from the node's stream: its other events are as good as before.
    if (kind === 'node') return;
    this.#broken.add(stream);
    this.#tasks.delete(stream);
    if (kind === 'alloc') this.#allocs.delete(allocId);
  }

  outcome(): Omit<StoreReading, 'faults'> {
    return {
      quarantined: this.#quarantined,
      tasks: this.#tasks,
      allocs: this.#allocs,
      names: this.#names,
      runs: this.#runs,
      events: this.#events,
      eventsByType: this.#byType,
      streams: this.#streams.size,
      epochs: this.#epochs,
      lastAgent: this.#lastAgent,
      newestAt: this.#newestAt,
    };
  }

  #fold(row: StoredRow, event: ReturnType<typeof decode>): void {
    const { kind, allocId = '' } = parseStream(row.stream) ?? {};
    if (kind === 'task') foldInto(this.#tasks, row.stream, taskTable, row, event);
    if (kind === 'alloc') foldInto(this.#allocs, allocId, allocTable, row, event);
    if (event.type === 'AllocReceived') this.#names.set(allocId, event.data.name);
    if (event.type === 'TaskReceived') this.#names.set(allocId, event.data.allocName);
    if (event.type === 'RunStarting' || event.type === 'TaskRecovered') {
      this.#runs.set(event.data.launchKey, row.stream);
    }
    if (event.type === 'AgentStarted') this.#lastAgent = { ...event.data, startedAt: event.at };
  }
}

function foldInto<C>(
  states: Map<string, Folded<C>>,
  key: string,
  table: ChartTable<C>,
  row: StoredRow,
  event: AnyEvent,
): void {
  const { version, position } = row;
  const state = evolve(table, states.get(key)?.state ?? table.initial, event);
  states.set(key, { version, position, state });
}
