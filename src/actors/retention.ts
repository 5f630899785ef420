/**
 * Lets go of allocs that have ended: those that ended too long ago, those that are more than are kept, and, while the
 * disk is too full, the oldest of the rest. What is live is never touched, and that is every alloc that has a task
 * which is held for inspection; what somebody reads waits until he has left.
 */
import type { GcEntry, GcOptions, GcReport } from '../api.ts';
import { HoldfastError, messageOf } from '../errors.ts';
import type { RemovalRule } from '../machines/alloc-messages.ts';
import { AllocRemoval, type AllocRemovalDoors } from './alloc-removal.ts';
import { entryOf, forecast } from './gc-entries.ts';
import {
  type DiskUsage,
  type Due,
  dueByAge,
  dueByCount,
  dueByDisk,
  eachOnce,
  type Ended,
  Fullness,
  type RetentionLimits,
} from './retention-rules.ts';

export interface RetentionDoors extends AllocRemovalDoors {
  readonly limits: RetentionLimits;
  /** Of the file system of the data directory, now. */
  readonly usage: () => Promise<DiskUsage>;
}

/** Removed together: enough to be worth a transaction, few enough to keep it short. */
const BATCH_ALLOCS = 64;
/** While the disk is too full: it is looked at again after each of them. */
const DISK_BATCH_ALLOCS = 2;
const LOOK_EVERY_MS = 15_000;

export class Retention {
  readonly #doors: RetentionDoors;
  readonly #removal: AllocRemoval;
  #limits: RetentionLimits;
  #fullness: Fullness;
  /** What an end counts from that an earlier version recorded. */
  readonly #since: number;
  #last: Promise<unknown> = Promise.resolve();
  #isLookDue = false;
  #endedAtLook = 0;
  #isShortTold = false;
  #signal: AbortSignal | undefined;

  constructor(doors: RetentionDoors) {
    this.#doors = doors;
    this.#since = doors.agent.clock.steady();
    this.#limits = doors.limits;
    this.#fullness = new Fullness(doors.limits);
    this.#removal = new AllocRemoval(doors, () => this.#look());
  }

  /** From now on, and looks by them at once. */
  adjust(limits: RetentionLimits): void {
    this.#limits = limits;
    this.#fullness = new Fullness(limits);
    this.#look();
  }

  /** Looks now, whenever an alloc has ended or a reader has left, and again and again, until `signal` aborts. */
  watch(signal: AbortSignal): void {
    this.#signal = signal;
    const { roster, agent } = this.#doors;
    const look = (): void => this.#look();
    const noteEnd = (): void => {
      // Sorting them all is not for every step of every task.
      if (roster.endedCount <= this.#endedAtLook) return;
      this.#endedAtLook = roster.endedCount;
      if (this.#surplus(roster.endedCount) > 0) setImmediate(look);
    };
    const leave = [roster.watch(noteEnd), agent.readers.watch(look)];
    const timer = setInterval(look, LOOK_EVERY_MS);
    timer.unref();
    const end = (): void => {
      clearInterval(timer);
      for (const one of leave) one();
      this.#removal.end();
    };
    signal.addEventListener('abort', end, { once: true });
    look();
  }

  #look(): void {
    if (this.#isLookDue || this.#signal?.aborted !== false) return;
    this.#isLookDue = true;
    void this.#inTurn(async () => {
      this.#isLookDue = false;
      await this.#collect((ended) => this.#surplus(ended) > 0);
    }).catch((error: unknown) => {
      const { logger } = this.#doors.agent;
      logger.error({ error: messageOf(error) }, 'finished allocs could not be removed');
    });
  }

  /** One after the other: whoever asks for it waits for what is under way. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** As `GcCalls.gc`. */
  gc(options: GcOptions = {}): Promise<GcReport> {
    if (options.ref !== undefined && options.all === true) {
      return Promise.reject(new HoldfastError('USAGE', 'name an alloc or ask for all, not both'));
    }
    return this.#inTurn(async () => {
      const entries = await this.#entries(options);
      return { entries, ...(await this.#doors.usage()) };
    });
  }

  async #entries(options: GcOptions): Promise<readonly GcEntry[]> {
    const { dryRun = false, ref, all = false } = options;
    const isByRule = ref === undefined && !all;
    if (isByRule && !dryRun) return this.#collect(() => true);
    const wished = (allocId: string): Due => ({ allocId, rule: 'wish' });
    const due = isByRule ? await this.#dueByRule() : this.#named(ref).map(wished);
    if (dryRun) return due.map((one) => forecast(this.#doors, one));
    const entries: GcEntry[] = [];
    for (let at = 0; at < due.length; at += BATCH_ALLOCS) {
      entries.push(...(await this.#remove(due.slice(at, at + BATCH_ALLOCS))));
    }
    return entries;
  }

  /** Those that have ended, or the one that is meant; with what was recorded as removed and is still there. */
  #named(ref: string | undefined): readonly string[] {
    const { roster } = this.#doors;
    const { finished, removed } = roster.ended();
    if (ref === undefined) return [...removed, ...finished];
    const { allocId, task } = roster.resolve(ref);
    if (task !== undefined) {
      throw new HoldfastError('USAGE', `${ref} is a task: it goes with its alloc`);
    }
    if (roster.standingOf(allocId) !== 'ended') {
      const { alloc, state } = roster.view(allocId);
      const text = `${alloc} is ${state}: only what has ended can be removed (holdfast stop ${alloc})`;
      throw new HoldfastError('WRONG_STATE', text, { details: { state } });
    }
    return [allocId];
  }

  /** All that the rules would take; of what a disk takes, what it may. */
  async #dueByRule(): Promise<readonly Due[]> {
    const limits = this.#limits;
    const ended = this.#ended();
    const due = [...dueByAge(ended, limits), ...dueByCount(ended, limits)];
    const byDisk = await this.#dueByDisk(ended);
    const again = this.#removal.leftOver().map((allocId) => this.#asBefore(allocId));
    return eachOnce([...again, ...due, ...byDisk]);
  }

  /** Until the rules take no more. `isWorth` says whether those that are too many are worth it yet. */
  async #collect(isWorth: (ended: number) => boolean): Promise<readonly GcEntry[]> {
    const entries: GcEntry[] = [];
    for (;;) {
      if (this.#signal?.aborted !== false) return entries;
      const batch = await this.#nextBatch(isWorth);
      if (batch.length === 0) break;
      entries.push(...(await this.#remove(batch)));
    }
    this.#endedAtLook = this.#doors.roster.endedCount;
    return entries;
  }

  async #nextBatch(isWorth: (ended: number) => boolean): Promise<readonly Due[]> {
    const limits = this.#limits;
    const again = this.#removal.leftOver();
    if (again.length > 0) return again.slice(0, BATCH_ALLOCS).map((id) => this.#asBefore(id));
    const ended = this.#ended();
    const byCount = isWorth(ended.length) ? dueByCount(ended, limits) : [];
    const due = this.#unread(eachOnce([...dueByAge(ended, limits), ...byCount]));
    if (due.length > 0) return due.slice(0, BATCH_ALLOCS);
    return this.#unread(await this.#dueByDisk(ended)).slice(0, DISK_BATCH_ALLOCS);
  }

  #unread(due: readonly Due[]): readonly Due[] {
    return due.filter(({ allocId }) => this.#doors.agent.readers.countOf(allocId) === 0);
  }

  async #dueByDisk(ended: readonly Ended[]): Promise<readonly Due[]> {
    const { agent, usage } = this.#doors;
    const found = await usage();
    const rule = this.#fullness.ruleFor(found);
    if (rule === undefined) {
      this.#isShortTold = false;
      return [];
    }
    const isPressing = agent.gate.holds.includes('disk-low');
    const due = dueByDisk(ended, rule, { isPressing });
    if (due.length === 0 && !this.#isShortTold) {
      this.#isShortTold = true;
      agent.logger.warn({ ...found, rule }, 'the disk is too full, and nothing is left to let go');
    }
    return due;
  }

  #ended(): readonly Ended[] {
    const { roster, agent } = this.#doors;
    const [now, steady] = [agent.clock.now(), agent.clock.steady()];
    return roster.ended().finished.map((allocId) => {
      const { stoppedAt = now, endedAt = this.#since } =
        roster.folded(allocId)?.state.context ?? {};
      return { allocId, ageMs: Math.min(now - stoppedAt, steady - endedAt) };
    });
  }

  /** 0 until there are enough to be worth a transaction. */
  #surplus(ended: number): number {
    const keep = this.#limits.keepFinishedAllocs;
    const surplus = ended - keep;
    return surplus >= Math.min(BATCH_ALLOCS, Math.max(1, keep / 10)) ? surplus : 0;
  }

  async #remove(due: readonly Due[]): Promise<readonly GcEntry[]> {
    // Afterwards nothing is known of them.
    const known = new Map(due.map((one) => [one.allocId, entryOf(this.#doors.roster, one)]));
    const done = await this.#removal.remove(due);
    return done.flatMap(({ allocId, outcome, reason }) => {
      const entry = known.get(allocId);
      return entry === undefined ? [] : [{ ...entry, outcome, reason }];
    });
  }

  #asBefore(allocId: string): Due {
    const rule: RemovalRule = this.#doors.roster.folded(allocId)?.state.context.rule ?? 'count';
    return { allocId, rule };
  }
}
