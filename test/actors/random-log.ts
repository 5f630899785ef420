/** A log with random lawful histories of allocs and tasks, to be folded in one way and another. */
import { emptyReplay, replayLog, type Replayed } from '../../src/actors/replay.ts';
import type { AnyEvent, StreamName } from '../../src/events/envelope.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { NO_SNAPSHOTS } from '../../src/log/snapshot-cache.ts';
import { allocTable } from '../../src/machines/alloc-machine.ts';
import { evolve, type ChartState, type ChartTable } from '../../src/machines/chart-table.ts';
import { taskTable } from '../../src/machines/task-machine.ts';
import { ALLOC_FACTS, TASK_FACTS } from '../machines/random-facts.ts';

const FACTS = { ...TASK_FACTS, ...ALLOC_FACTS };

/** Random histories, the same for the same numbers. */
export class RandomLog {
  readonly random: () => number;
  readonly #states = new Map<StreamName, ChartState<unknown>>();

  constructor(random: () => number) {
    this.random = random;
  }

  get streams(): readonly StreamName[] {
    return [...this.#states.keys()];
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)] as T;
  }

  /** Appends so many events; each goes on with a stream or begins one. */
  async grow(log: EventLog, events: number): Promise<void> {
    const appended: Promise<unknown>[] = [];
    while (appended.length < events) {
      const stream = this.#anyStream();
      const event = stream === 'node' ? this.#diskLow() : this.#next(stream);
      if (event === undefined) continue;
      appended.push(log.append(stream, log.versionOf(stream), [event]));
    }
    await Promise.all(appended);
  }

  /** Takes a stream out of the log. */
  async remove(log: EventLog, stream: StreamName): Promise<void> {
    await log.compact([stream], 1);
    this.#states.delete(stream);
  }

  #anyStream(): StreamName {
    const chance = this.random();
    if (chance < 0.1) return 'node';
    if (chance < 0.9 && this.#states.size > 0) return this.pick(this.streams);
    const id = Math.floor(this.random() * 1e9);
    return chance < 0.95 ? `alloc/a${id}` : `task/a${id}/web`;
  }

  #diskLow(): AnyEvent {
    return { type: 'DiskLow', run: 0, at: 1, data: { freeBytes: 1, floorBytes: 2 } };
  }

  /** Undefined in a state that nothing leads out of. */
  #next(stream: StreamName): AnyEvent | undefined {
    const table = (stream.startsWith('task/') ? taskTable : allocTable) as ChartTable<unknown>;
    const state = this.#states.get(stream) ?? table.initial;
    const types = [...(table.states.get(state.value)?.edges.keys() ?? [])];
    if (types.length === 0) return undefined;
    const type = this.pick(types);
    const data = FACTS[type]?.(this.random) ?? {};
    const event = { type, run: Math.floor(this.random() * 5), at: 7, data };
    this.#states.set(stream, evolve(table, state, event));
    return event;
  }
}

/** What an opening of this log gives; a whole one folds every row, whatever snapshots there are. */
export function replayOf(log: EventLog, isWhole = false): Replayed {
  const into = emptyReplay();
  const rows = () => log.rows();
  replayLog(
    isWhole ? ({ rows, snapshots: NO_SNAPSHOTS } as Partial<EventLog> as EventLog) : log,
    into,
  );
  return into;
}

/** Every state of it as JSON keeps it, in the order in which the agent has them. */
export function statesOf({ tasks, allocs }: Replayed): unknown {
  return JSON.parse(JSON.stringify([...tasks, ...allocs]));
}
