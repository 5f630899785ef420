/** What becomes of each known task while an agent opens: who may be alive is waited for, who cannot be told is said. */
import type { RecoveryOutcome } from '../api.ts';
import type { TaskContext } from '../machines/task-state.ts';
import type { Clock } from '../ports.ts';
import type { Folded } from './event-sourced.ts';

/** Longest wait for a task of which nothing can be told, before the agent serves without it. */
const PATIENCE_MS = 5_000;

/** In these states a run may be alive, and the first duty finds out. */
const UNSETTLED = new Set(['starting', 'running', 'killing', 'exited']);

export class Settling {
  /** The versions that streams had before their actors woke: what is newer is news. */
  readonly #versions = new Map<string, number>();
  readonly #unsettled = new Set<string>();
  readonly #outcomes = new Map<string, RecoveryOutcome>();
  readonly #ready = Promise.withResolvers<void>();

  /** Called before the task's actor wakes. */
  expect(stream: string, folded: Folded<TaskContext> | undefined, isQuarantined: boolean): void {
    const value = folded?.state.value;
    if (isQuarantined) this.#outcomes.set(stream, 'quarantined');
    else if (value !== undefined && UNSETTLED.has(value)) this.await(stream, folded?.version);
    else if (value === 'backoff') this.#outcomes.set(stream, 'restarting');
    else if (value === 'held') this.#outcomes.set(stream, 'held');
    else if (value !== 'dead') this.#outcomes.set(stream, 'starting');
  }

  await(stream: string, version = 0): void {
    this.#versions.set(stream, version);
    this.#unsettled.add(stream);
  }

  giveUp(stream: string): void {
    this.#unsettled.delete(stream);
  }

  /** A task's step: the first that tells something about its run settles it. */
  note(stream: string, { state, version }: Folded<TaskContext>): void {
    if (!this.#unsettled.has(stream) || version <= (this.#versions.get(stream) ?? 0)) return;
    const outcome = outcomeOf(state.value, state.context);
    if (outcome === undefined) return;
    this.#unsettled.delete(stream);
    this.#outcomes.set(stream, outcome);
    if (this.#unsettled.size === 0) this.#ready.resolve();
  }

  /** Resolves when all is known, or when the patience is over. */
  async settled(clock: Clock): Promise<void> {
    if (this.#unsettled.size === 0) this.#ready.resolve();
    const cancel = clock.at(clock.steady() + PATIENCE_MS, () => this.#ready.resolve());
    await this.#ready.promise;
    cancel();
    for (const stream of this.#unsettled) this.#outcomes.set(stream, 'unknown');
  }

  get outcomes(): ReadonlyMap<string, RecoveryOutcome> {
    return this.#outcomes;
  }
}

/** What a restored task's step tells about its run; undefined when it tells nothing yet. */
function outcomeOf(value: string, context: TaskContext): RecoveryOutcome | undefined {
  if (value === 'starting' || value === 'pending') return undefined;
  if (value === 'running' || value === 'killing') return 'reattached';
  if (context.end?.kind === 'lost') return 'lost';
  if (value === 'held') return 'held';
  if (value === 'backoff' || value === 'prestart') return 'restarting';
  return 'finished-while-away';
}
