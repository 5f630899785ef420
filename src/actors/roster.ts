/** Every alloc that the log knows, finished ones too, with the folded state of each of its tasks. */
import { HoldfastError } from '../errors.ts';
import { taskStream } from '../events/envelope.ts';
import type { AllocView } from '../api.ts';
import type { AllocContext } from '../machines/alloc-machine.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { allocView, isLive } from '../projections/alloc-view.ts';
import type { AllocRunner } from './alloc-runner.ts';
import type { Folded } from './event-sourced.ts';
import type { Replayed } from './replay.ts';

export interface Place {
  readonly allocId: string;
  readonly task: string | undefined;
}

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
  readonly #onClosed = new Set<() => void>();
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
  /** The newest run of each task of the alloc that had one. */
  launchKeysOf(allocId: string): readonly string[] {
    const tasks = this.#allocs.get(allocId)?.state.context.spec?.tasks ?? [];
    return tasks.flatMap(({ name }) => {
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
    this.#tell(allocId);
    if (!isLive(folded.state.value)) this.#runners.delete(allocId);
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
      .filter(([, { state }]) => (all ? state.value !== 'removed' : isLive(state.value)))
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
      const stopped = (error: HoldfastError) => (): void => end(() => reject(error));
      const abort = stopped(new HoldfastError('ABORTED', `nobody waits for ${allocId} any more`));
      const close = stopped(new HoldfastError('CLOSED', 'the orchestrator was closed'));
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

  /** Nothing will change any more: whoever waits is told. */
  close(): void {
    for (const close of this.#onClosed) close();
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

  /** The live alloc of a name. */
  liveByName(name: string): string | undefined {
    for (const [allocId, { state }] of this.#allocs) {
      if (state.context.name === name && isLive(state.value)) return allocId;
    }
    return this.#reserved.get(name)?.allocId;
  }

  /**
   * What a REF means: `ALLOC` or `ALLOC/TASK`, where ALLOC is an id, a name (the live alloc of it, else the newest) or
   * a unique prefix of one of them. Errors: NOT_FOUND, AMBIGUOUS with `details.matches`.
   */
  resolve(ref: string): Place {
    const slash = ref.indexOf('/');
    const word = slash < 0 ? ref : ref.slice(0, slash);
    const allocId = this.#find(word);
    if (slash < 0) return { allocId, task: undefined };
    const task = ref.slice(slash + 1);
    const names = (this.#allocs.get(allocId)?.state.context.spec?.tasks ?? []).map(
      (one) => one.name,
    );
    if (names.includes(task)) return { allocId, task };
    const text = `alloc ${word} has no task "${task}" (it has ${names.join(', ')})`;
    throw new HoldfastError('NOT_FOUND', text, { details: { ref, tasks: names } });
  }

  #find(word: string): string {
    if (this.#allocs.has(word)) return word;
    const named = [...this.#allocs].filter(([, { state }]) => state.context.name === word);
    const newest = this.liveByName(word) ?? named.at(-1)?.[0];
    if (newest !== undefined) return newest;
    const matches = word === '' ? [] : this.#startingWith(word);
    if (matches.length === 1) return matches[0] as string;
    if (matches.length === 0) throw new HoldfastError('NOT_FOUND', `there is no alloc "${word}"`);
    const text = `"${word}" could be ${matches.map((id) => `${this.nameOf(id)} (${id})`).join(', ')}`;
    throw new HoldfastError('AMBIGUOUS', text, { details: { ref: word, matches } });
  }

  /** A prefix of a name means the name's one alloc that an exact name would mean. */
  #startingWith(word: string): readonly string[] {
    const names = new Set<string>();
    const found: string[] = [];
    for (const [allocId, { state }] of this.#allocs) {
      const { name } = state.context;
      if (name.startsWith(word)) names.add(name);
      else if (allocId.startsWith(word)) found.push(allocId);
    }
    return [...found, ...[...names].map((name) => this.#find(name))];
  }
}
