/** What tasks use: each from its driver, run after run, as one stream. */
import type { StatsQuery, TaskStats, TaskView } from '../api.ts';
import type { Place } from '../actors/references.ts';
import type { Driver } from '../drivers/driver.ts';
import type { UsageQuery } from '../drivers/usage.ts';
import { HoldfastError, messageOf } from '../errors.ts';
import { taskStream } from '../events/envelope.ts';
import type { QueryDoors } from './queries.ts';
import { statsBetween } from './stats-between.ts';

const USUAL_INTERVAL_MS = 1_000;
const SHORTEST_INTERVAL_MS = 100;

/** A run that is being measured. */
interface Followed {
  readonly launchKey: string;
  readonly stop: AbortController;
}

/**
 * Without a ref all tasks of live allocs, also those that come, until `query.signal` or `closed`. With one it ends when
 * its tasks are over. A reader who is slower than the samples gets the newest of each task.
 * Errors: NOT_FOUND, AMBIGUOUS, USAGE; WRONG_STATE when they are over before it begins; CAPABILITY_MISSING when a
 * named task's driver does not measure.
 */
export async function* taskStats(
  doors: QueryDoors,
  ref: string | undefined,
  query: StatsQuery,
  closed: Promise<unknown>,
): AsyncGenerator<TaskStats, void, undefined> {
  const place = ref === undefined ? undefined : doors.roster.resolve(ref);
  const stats = new StatsOfTasks(doors, place, usageQuery(query));
  if (query.signal?.aborted === true) return;
  if (place !== undefined && stats.areOver(place.allocId)) {
    throw new HoldfastError('WRONG_STATE', `${ref} has ended: there is nothing to measure`);
  }
  const leave = (): void => stats.end();
  query.signal?.addEventListener('abort', leave, { once: true });
  void closed.then(leave);
  try {
    yield* stats.samples();
  } finally {
    query.signal?.removeEventListener('abort', leave);
    stats.end();
  }
}

function usageQuery({ intervalMs = USUAL_INTERVAL_MS, processes }: StatsQuery): UsageQuery {
  if (!Number.isInteger(intervalMs) || intervalMs < SHORTEST_INTERVAL_MS) {
    const text = `an interval is a whole number of milliseconds from ${SHORTEST_INTERVAL_MS} on, not ${intervalMs}`;
    throw new HoldfastError('USAGE', text);
  }
  return { intervalMs, withProcesses: processes ?? false };
}

class StatsOfTasks {
  readonly #doors: QueryDoors;
  readonly #place: Place | undefined;
  readonly #query: UsageQuery;
  /** By stream of the task. */
  readonly #followed = new Map<string, Followed>();
  readonly #newest = new Map<string, TaskStats>();
  #end: { readonly error?: HoldfastError } | undefined;
  #wake = (): void => undefined;

  constructor(doors: QueryDoors, place: Place | undefined, query: UsageQuery) {
    this.#doors = doors;
    this.#place = place;
    this.#query = query;
  }

  end(error?: HoldfastError): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake();
  }

  async *samples(): AsyncGenerator<TaskStats, void, undefined> {
    const { roster } = this.#doors;
    const unwatch = roster.watch((allocId) => this.#look(allocId));
    try {
      const all =
        this.#place === undefined ? roster.views(false) : [roster.view(this.#place.allocId)];
      for (const { allocId } of all) this.#look(allocId);
      for (;;) {
        const ready = [...this.#newest];
        for (const [stream, stats] of ready) {
          // A newer one may have come while the others were taken.
          const newest = this.#newest.get(stream) ?? stats;
          this.#newest.delete(stream);
          yield newest;
        }
        if (this.#end?.error !== undefined) throw this.#end.error;
        if (this.#end !== undefined) return;
        if (this.#newest.size === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      unwatch();
      for (const { stop } of this.#followed.values()) stop.abort();
    }
  }

  /** Something of the alloc has changed: a run has begun, or is over. */
  #look(allocId: string): void {
    const { roster } = this.#doors;
    if (this.#place !== undefined && this.#place.allocId !== allocId) return;
    // Whoever tells of a change must not hear of what we cannot do with it.
    if (roster.folded(allocId) === undefined) return;
    for (const view of this.#wanted(allocId)) this.#followNewest(view);
    if (this.#place !== undefined && this.areOver(allocId)) this.end();
  }

  areOver(allocId: string): boolean {
    return this.#wanted(allocId).every(({ nomadState }) => nomadState === 'dead');
  }

  #wanted(allocId: string): readonly TaskView[] {
    const { tasks } = this.#doors.roster.view(allocId);
    return tasks.filter(({ task }) => task === (this.#place?.task ?? task));
  }

  #followNewest(view: TaskView): void {
    const stream = taskStream(view.allocId, view.task);
    const context = this.#doors.roster.foldedTask(stream)?.state.context;
    const isRunning = context?.process !== undefined && context.end === undefined;
    const launchKey = isRunning ? context.launch?.launchKey : undefined;
    const followed = this.#followed.get(stream);
    if (followed?.launchKey === launchKey) return;
    followed?.stop.abort();
    this.#followed.delete(stream);
    if (launchKey === undefined) return;
    const stop = new AbortController();
    this.#followed.set(stream, { launchKey, stop });
    void this.#follow(stream, view, launchKey, stop.signal);
  }

  async #follow(
    stream: string,
    view: TaskView,
    launchKey: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { agent } = this.#doors;
    try {
      const driver = agent.drivers.get(view.driver);
      if (driver.stats === undefined) throw unmeasured(driver);
      let before;
      for await (const sample of driver.stats(launchKey, { ...this.#query, signal }, agent)) {
        if (signal.aborted) return;
        this.#newest.set(stream, statsBetween(view, sample, before));
        this.#wake();
        before = sample;
      }
    } catch (error) {
      if (signal.aborted) return;
      // Who asked for everything gets everything that can be measured.
      if (this.#place !== undefined) this.end(HoldfastError.from(error));
      else agent.logger.warn({ launchKey, error: messageOf(error) }, 'not measured');
    }
  }
}

function unmeasured({ name }: Driver): HoldfastError {
  const text = `driver ${name} does not tell what its tasks use`;
  return new HoldfastError('CAPABILITY_MISSING', text);
}
