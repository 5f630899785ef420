/**
 * What the durable log says, folded row by row as it is written, by the world and not by an agent: what any agent that
 * starts now would know. Checks what can be said of the log alone.
 *   I7   positions and versions follow each other without a hole
 *   I3   one start and one end for a run, and an end before the next run
 *   I18  only the newest agent writes
 */
import { decode } from '../../../src/events/codec.ts';
import type { AllocEvent } from '../../../src/events/alloc-event.ts';
import type { TaskEvent } from '../../../src/events/task-event.ts';
import type { StoredRow } from '../../../src/log/event-log.ts';
import { allocTable, type AllocContext } from '../../../src/machines/alloc-machine.ts';
import { evolve, type ChartState } from '../../../src/machines/chart-table.ts';
import { taskTable } from '../../../src/machines/task-machine.ts';
import type { TaskContext } from '../../../src/machines/task-state.ts';
import { taskKey } from '../../../src/os/launch-key.ts';
import type { World } from '../world/world.ts';
import type { Fail } from './invariants.ts';

/** One run as the log tells it. */
export interface LoggedRun {
  readonly stream: string;
  readonly run: number;
  readonly launchKey: string;
  readonly bootId: string;
  startedAtPosition: number | undefined;
  /** The event that said how it ended, or that it never began. */
  end: string | undefined;
  /** When the kill was recorded, in world time, how long it waits, and how long the program is given then. */
  kill:
    | {
        readonly atMs: number;
        readonly waitsMs: number;
        readonly timeoutMs: number;
        readonly signal: string;
      }
    | undefined;
  readonly signals: Set<string>;
}

export interface BookEvent {
  readonly event: TaskEvent;
  readonly stream: string;
  readonly position: number;
  readonly logged: LoggedRun | undefined;
  readonly before: ChartState<TaskContext>;
  readonly after: ChartState<TaskContext>;
}

const ENDS = new Set(['TaskExited', 'TaskLost', 'TaskStartFailed']);

export class LogBook {
  readonly runs = new Map<string, LoggedRun>();
  readonly tasks = new Map<string, ChartState<TaskContext>>();
  /** By allocId. */
  readonly allocs = new Map<string, ChartState<AllocContext>>();
  /** Streams whose actor crashed too often. */
  readonly leftAlone = new Set<string>();
  /** Launch keys that an OrphanFound names. */
  readonly orphans = new Set<string>();
  /** Keys of the tasks whose FIFOs may be left: their cleanup failed. */
  readonly leftFifos = new Set<string>();
  readonly #newest = new Map<string, LoggedRun>();
  readonly #versions = new Map<string, number>();
  readonly #world: World;
  readonly #fail: Fail;
  readonly #listeners: ((noted: BookEvent) => void)[] = [];
  readonly #allocListeners: AllocListener[] = [];
  #position = 0;

  constructor(world: World, fail: Fail) {
    this.#world = world;
    this.#fail = fail;
  }

  listen(listener: (noted: BookEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Called after each event of an alloc with the state that it leads to. */
  listenAlloc(listener: AllocListener): void {
    this.#allocListeners.push(listener);
  }

  onWritten(rows: readonly StoredRow[], epoch: number): void {
    const { store } = this.#world;
    if (epoch !== store.epoch)
      this.#fail(`I18: agent ${epoch} wrote after agent ${store.epoch} came`);
    for (const row of rows) {
      const { position, stream, version } = row;
      if (position !== this.#position + 1) {
        this.#fail(`I7: position ${position} follows ${this.#position}`);
      }
      this.#position = position;
      const known = this.#versions.get(stream) ?? 0;
      if (version !== known + 1) this.#fail(`I7: ${stream} version ${version} follows ${known}`);
      this.#versions.set(stream, version);
      if (stream.startsWith('task/')) this.#noteTask(row);
      else if (stream.startsWith('alloc/')) this.#noteAlloc(row);
      else if (row.type === 'OrphanFound') this.orphans.add(orphanOf(row));
      else if (row.type === 'StreamQuarantined') this.leftAlone.add(quarantinedOf(row));
    }
  }

  #noteAlloc(row: StoredRow): void {
    const allocId = row.stream.slice('alloc/'.length);
    const event = decode(row) as AllocEvent;
    const after = evolve(allocTable, this.allocs.get(allocId) ?? allocTable.initial, event);
    this.allocs.set(allocId, after);
    for (const listener of this.#allocListeners) listener(allocId, event, after);
  }

  #noteTask(row: StoredRow): void {
    const { stream, position } = row;
    const event = decode(row) as TaskEvent;
    const before = this.tasks.get(stream) ?? taskTable.initial;
    const after = evolve(taskTable, before, event);
    this.tasks.set(stream, after);
    if (event.type === 'HookFailed' && event.data.phase === 'cleanup') {
      const [, allocId = '', task = ''] = stream.split('/');
      this.leftFifos.add(taskKey(allocId, task));
    }
    const isNew = event.type === 'RunStarting' || event.type === 'TaskRecovered';
    if (isNew) this.#begin(stream, event.run, event.data.launchKey);
    const logged = this.#newest.get(stream);
    if (logged !== undefined) this.#noteRun(logged, event, before.context);
    for (const listener of this.#listeners) {
      listener({ event, stream, position, logged, before, after });
    }
  }

  #begin(stream: string, run: number, launchKey: string): void {
    const last = this.#newest.get(stream);
    if (last !== undefined && run <= last.run) this.#fail(`I3: ${stream} begins run ${run} again`);
    const { bootId } = this.#world.processes;
    const logged = { stream, run, launchKey, bootId, signals: new Set<string>() };
    const fresh = { ...logged, startedAtPosition: undefined, end: undefined, kill: undefined };
    this.#newest.set(stream, fresh);
    this.runs.set(launchKey, fresh);
  }

  #noteRun(logged: LoggedRun, event: TaskEvent, { plan, kill }: TaskContext): void {
    const { stream, run } = logged;
    if (event.type === 'TaskStarted') {
      if (logged.startedAtPosition !== undefined)
        this.#fail(`I3: ${stream} started run ${run} twice`);
      logged.startedAtPosition = this.#position;
    } else if (event.type === 'TaskKilling') {
      const { signal, killTimeoutMs: timeoutMs, signalAt } = event.data;
      const isHurried = kill?.signalAt !== undefined && signalAt !== kill.signalAt;
      const waitsMs = signalAt === undefined || isHurried ? 0 : (plan?.shutdownDelayMs ?? 0);
      const fresh = { atMs: this.#world.nowMs, waitsMs, timeoutMs, signal };
      logged.kill = isHurried ? fresh : (logged.kill ?? fresh);
    } else if (event.type === 'TaskSignaled') {
      logged.signals.add(event.data.signal);
    } else if (ENDS.has(event.type)) {
      if (logged.end !== undefined) {
        this.#fail(`I3: run ${run} of ${stream} ended with ${logged.end} and with ${event.type}`);
      }
      logged.end = event.type;
    }
  }
}

type AllocListener = (allocId: string, event: AllocEvent, after: ChartState<AllocContext>) => void;

function quarantinedOf(row: StoredRow): string {
  return (JSON.parse(row.data) as { stream: string }).stream;
}

function orphanOf(row: StoredRow): string {
  return (JSON.parse(row.data) as { launchKey: string }).launchKey;
}
