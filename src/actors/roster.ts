/** Every alloc that the log knows, finished ones too, with the folded state of each of its tasks. */
import { HoldfastError } from '../errors.ts';
import { taskStream } from '../events/envelope.ts';
import type { AllocView } from '../api.ts';
import { taskKey } from '../os/launch-key.ts';
import type { AllocContext } from '../machines/alloc-machine.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { isAllocLive } from '../machines/alloc-facts.ts';
import { allocView } from '../projections/alloc-view.ts';
import type { AllocRunner } from './alloc-runner.ts';
import type { Folded } from './event-sourced.ts';
import { liveOfName, resolveRef, type Place } from './references.ts';
import type { Replayed } from './replay.ts';

/** A name that is being accepted. */
export interface Reservation {
  readonly allocId: string;
  readonly specHash: string;
  readonly accepted: Promise<void>;
}

export class Roster {
  readonly #allocs = new Map<string, Folded<AllocContext>>();
  readonly #tasks: Map<string, Folded<TaskContext>>;
  readonly #quarantined: Map<string, HoldfastError>;
  readonly #runners = new Map<string, AllocRunner>();
  readonly #watchers = new Set<(allocId: string) => void>();
  readonly #onClosed = new Set<(why: HoldfastError) => void>();
  readonly #reserved = new Map<string, Reservation>();

  constructor(replayed: Replayed) {
    for (const [stream, folded] of replayed.allocs) {
      this.#allocs.set(stream.slice('alloc/'.length), folded);
    }
    this.#tasks = replayed.tasks;
    this.#quarantined = replayed.quarantined;
  }

  get allocIds(): readonly string[] {
    return [...this.#allocs.keys()];
  }
  get runners(): readonly AllocRunner[] {
    return [...this.#runners.values()];
  }
  admit(runner: AllocRunner): void {
    this.#runners.set(runner.allocId, runner);
  }
  /** An alloc that was refused after all. */
  dismiss(allocId: string): void {
    this.#runners.delete(allocId);
  }
  runner(allocId: string): AllocRunner | undefined {
    return this.#runners.get(allocId);
  }

  folded(allocId: string): Folded<AllocContext> | undefined {
    return this.#allocs.get(allocId);
  }
  foldedTask(stream: string): Folded<TaskContext> | undefined {
    return this.#tasks.get(stream);
  }
  /** The newest run of every task by its launch key, and whether the task will run no more. */
  newestRuns(): ReadonlyMap<string, { readonly stream: string; readonly isOver: boolean }> {
    return new Map(
      [...this.#tasks].flatMap(([stream, { state }]) => {
        const { launch } = state.context;
        return launch === undefined
          ? []
          : [[launch.launchKey, { stream, isOver: state.value === 'dead' }] as const];
      }),
    );
  }
  /** Number of the task's newest run, 0 before the first. */
  newestRunOf(stream: string): number {
    return this.#tasks.get(stream)?.state.context.run ?? 0;
  }
  /** A task that may still run: its alloc is live and has it, and it has not ended. */
  isWanted(stream: string): boolean {
    const [, allocId = '', task = ''] = stream.split('/');
    // One that an update added is not in a store that is older than the update.
    const isKnown = this.standingOf(allocId) === 'live' && this.taskNamesOf(allocId).includes(task);
    return isKnown && this.#tasks.get(stream)?.state.value !== 'dead';
  }
  /** Allocs that have ended, in the order of their last events, and those of which only the events are still there. */
  ended(): { readonly finished: readonly string[]; readonly removed: readonly string[] } {
    const all = [...this.#allocs].toSorted(([, a], [, b]) => a.position - b.position);
    const inState = (value: string): readonly string[] =>
      all.filter(([, { state }]) => state.value === value).map(([allocId]) => allocId);
    return { finished: inState('stopped'), removed: inState('removed') };
  }
  /** How many allocs have ended, a little too few while some are being accepted. */
  get endedCount(): number {
    return this.#allocs.size - this.#runners.size;
  }
  taskNamesOf(allocId: string): readonly string[] {
    const { spec, removedTasks = [] } = this.#allocs.get(allocId)?.state.context ?? {};
    const left = removedTasks.filter(({ name }) => this.#tasks.has(taskStream(allocId, name)));
    return [...(spec?.tasks ?? []), ...left].map(({ name }) => name);
  }
  /** Its events are gone. */
  drop(allocId: string): void {
    for (const task of this.taskNamesOf(allocId)) this.#tasks.delete(taskStream(allocId, task));
    this.#allocs.delete(allocId);
  }
  /** The newest runs of all tasks of live allocs. */
  launchKeysOfLive(): ReadonlySet<string> {
    const live = [...this.#allocs].filter(([, { state }]) => isAllocLive(state.value));
    return new Set(live.flatMap(([allocId]) => this.launchKeysOf(allocId)));
  }
  /** Names what the tasks of live allocs keep over their runs. */
  taskKeysOfLive(): ReadonlySet<string> {
    const live = [...this.#allocs].filter(([, { state }]) => isAllocLive(state.value));
    return new Set(
      live.flatMap(([allocId]) => this.taskNamesOf(allocId).map((task) => taskKey(allocId, task))),
    );
  }
  /** The newest run of each task of the alloc that had one. */
  launchKeysOf(allocId: string): readonly string[] {
    return this.taskNamesOf(allocId).flatMap((name) => {
      const launch = this.#tasks.get(taskStream(allocId, name))?.state.context.launch;
      return launch === undefined ? [] : [launch.launchKey];
    });
  }
  isQuarantined(stream: string): boolean {
    return this.#quarantined.has(stream);
  }
  nameOf(allocId: string): string | null {
    return this.#allocs.get(allocId)?.state.context.name ?? null;
  }

  noteAlloc(allocId: string, folded: Folded<AllocContext>): void {
    if (folded.version === 0) return;
    this.#allocs.set(allocId, folded);
    if (!isAllocLive(folded.state.value)) this.#runners.delete(allocId);
    this.#tell(allocId);
  }
  /** Nobody stands by this task any more: its view says `unknown`. */
  quarantine(allocId: string, stream: string, error: HoldfastError): void {
    this.#quarantined.set(stream, error);
    this.#tell(allocId);
  }
  noteTask(allocId: string, stream: string, folded: Folded<TaskContext>): void {
    this.#quarantined.delete(stream);
    if (folded.version === 0) return;
    this.#tasks.set(stream, folded);
    this.#tell(allocId);
  }

  #tell(allocId: string): void {
    for (const watcher of this.#watchers) watcher(allocId);
  }
  /** Calls back after each durable step of any alloc; returns the way to stop that. */
  watch(watcher: (allocId: string) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** A used id that is being accepted counts as known. */
  isKnown(allocId: string): boolean {
    return this.#allocs.has(allocId) || this.#runners.has(allocId);
  }

  standingOf(allocId: string): 'live' | 'ended' | 'unknown' {
    const value = this.#allocs.get(allocId)?.state.value;
    if (value === undefined) return this.isKnown(allocId) ? 'live' : 'unknown';
    return value === 'stopped' || value === 'removed' ? 'ended' : 'live';
  }

  view(allocId: string): AllocView {
    const folded = this.#allocs.get(allocId);
    if (folded === undefined) throw new HoldfastError('NOT_FOUND', `no alloc ${allocId}`);
    return allocView(allocId, folded, (task) => {
      const stream = taskStream(allocId, task);
      return this.#quarantined.get(stream)?.message ?? this.#tasks.get(stream);
    });
  }

  /** Live allocs, or all that were not removed, oldest first. */
  views(all: boolean): readonly AllocView[] {
    return [...this.#allocs]
      .filter(([, { state }]) => (all ? state.value !== 'removed' : isAllocLive(state.value)))
      .map(([allocId]) => this.view(allocId));
  }

  /** Resolves when the alloc is as `isReached` says. Errors: what it throws, NOT_FOUND, ABORTED, CLOSED. */
  until(
    allocId: string,
    signal: AbortSignal | undefined,
    isReached: (view: AllocView) => boolean,
  ): Promise<AllocView> {
    return new Promise((resolve, reject) => {
      const look = (changed: string): void => {
        if (changed !== allocId) return;
        try {
          const view = this.view(allocId);
          if (isReached(view)) end(() => resolve(view));
        } catch (error) {
          end(() => reject(error));
        }
      };
      const close = (why: HoldfastError): void => end(() => reject(why));
      const abort = (): void =>
        close(new HoldfastError('ABORTED', `nobody waits for ${allocId} any more`));
      const end = (settle: () => void): void => {
        this.#watchers.delete(look);
        this.#onClosed.delete(close);
        signal?.removeEventListener('abort', abort);
        settle();
      };
      this.#watchers.add(look);
      this.#onClosed.add(close);
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted === true) return abort();
      try {
        look(allocId);
      } catch (error) {
        end(() => reject(error));
      }
    });
  }

  /** Nothing will change any more: whoever waits is told why. */
  close(why = new HoldfastError('CLOSED', 'the orchestrator was closed')): void {
    for (const close of this.#onClosed) close(why);
  }

  /** A name is taken from the moment of its acceptance, before its first event is durable. */
  reserve(name: string, reservation: Reservation): void {
    this.#reserved.set(name, reservation);
  }
  reservation(name: string): Reservation | undefined {
    return this.#reserved.get(name);
  }
  unreserve(name: string): void {
    this.#reserved.delete(name);
  }

  liveOfName(name: string): readonly string[] {
    return liveOfName(name, this.#allocs);
  }
  /** The live alloc of a name, or the one that takes over from it. */
  liveByName(name: string): string | undefined {
    return this.liveOfName(name)[0] ?? this.#reserved.get(name)?.allocId;
  }

  /** What a REF means; see `resolveRef`. Errors: NOT_FOUND, AMBIGUOUS. */
  resolve(ref: string): Place {
    return resolveRef(ref, this.#allocs, (name) => this.liveByName(name));
  }
}
