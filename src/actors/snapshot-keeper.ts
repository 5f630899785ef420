/**
 * Keeps the snapshots behind the log. It folds what was appended once more, from the log and not from what the actors
 * hold, so a snapshot is what a replay would give and nothing else; states that did not change are not touched. All of
 * it is done in small steps between which everybody else has their turn, and none of it is waited for.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { HoldfastError } from '../errors.ts';
import type { StreamName } from '../events/envelope.ts';
import type { EventLog, StoredRow } from '../log/event-log.ts';
import type { Logger } from '../ports.ts';
import type { Folded } from './event-sourced.ts';
import { foldNext, FOLDING, fromSnapshot, toSnapshot } from './fold-row.ts';
import type { Replayed } from './replay.ts';
import type { StartGate } from './start-gate.ts';

export interface SnapshotKeeperOptions {
  readonly log: EventLog;
  readonly logger: Logger;
  /** While it holds starts up, because the disk is nearly full or much else is to be done, nothing is saved. */
  readonly gate: Pick<StartGate, 'holds'>;
  /** What the log was opened with; `unsaved` is the keeper's from now on. */
  readonly replayed: Pick<Replayed, 'unsaved' | 'through' | 'saved' | 'quarantined'>;
  /** Events after the newest snapshots for which new ones are made. Default 20,000: some 50 ms of an opening. */
  readonly everyEvents?: number;
  /** The same when the log is closed. Default 1,000. */
  readonly closingEvents?: number;
}

/** Rows folded, and states saved, in one step: a millisecond or two of work. */
const STEP_ROWS = 128;
const STEP_STATES = 64;
/** Between two steps in the background. */
const PAUSE_MS = 5;

export class SnapshotKeeper {
  /** The log was opened with snapshots, so nobody has looked at its older rows. */
  readonly wereUsed: boolean;
  readonly #log: EventLog;
  readonly #logger: Logger;
  readonly #gate: Pick<StartGate, 'holds'>;
  readonly #everyEvents: number;
  readonly #closingEvents: number;
  /** States that no snapshot has yet, as of `#through`. */
  readonly #unsaved: Map<StreamName, Folded<unknown>>;
  #through: number;
  /** The snapshots cover the log up to here; 0 when there are none. */
  #saved: number;
  #atWork: Promise<void> | undefined;
  /** Between two steps in the background. Keeps no process alive, but for one that waits for the end. */
  #resting: NodeJS.Timeout | undefined;
  #isClosing = false;
  #isGivenUp: boolean;

  constructor(options: SnapshotKeeperOptions) {
    const { replayed } = options;
    this.#log = options.log;
    this.#logger = options.logger;
    this.#gate = options.gate;
    this.#everyEvents = options.everyEvents ?? 20_000;
    this.#closingEvents = options.closingEvents ?? 1_000;
    this.#unsaved = replayed.unsaved;
    this.#through = replayed.through;
    this.#saved = replayed.saved;
    this.wereUsed = replayed.saved > 0;
    // Without a state of every stream the next opening could not use the others.
    this.#isGivenUp = replayed.quarantined.size > 0;
  }

  /** Begins the work in the background, which goes on until `finish`. To be called when the agent is ready. */
  watch(): void {
    const look = (): void => {
      if (this.#isClosing || this.#atWork !== undefined || !this.#isDue(this.#everyEvents)) return;
      this.#atWork = this.#catchUp().finally(() => (this.#atWork = undefined));
    };
    this.#log.onAppended(look);
    look();
  }

  /**
   * Saves what the background has not got to, so that the next opening is quick: the last to be done before the log is
   * closed. Never rejects; does nothing when the log has failed.
   */
  async finish(): Promise<void> {
    this.#isClosing = true;
    this.#resting?.ref();
    await this.#atWork;
    if (this.#isDue(this.#closingEvents)) await this.#catchUp();
  }

  #isDue(events: number): boolean {
    const { head, isClosed, failure } = this.#log;
    if (this.#isGivenUp || this.#isHeld || isClosed || failure !== undefined) return false;
    return head - this.#saved >= events;
  }

  get #isHeld(): boolean {
    return this.#gate.holds.length > 0;
  }

  /** Up to what the head is now. A kill in the middle of it leaves old snapshots and some newer ones: both are used. */
  async #catchUp(): Promise<void> {
    try {
      await this.#fold(this.#log.head);
      await this.#save();
    } catch (error) {
      this.#isGivenUp = true;
      this.#giveUp(HoldfastError.from(error));
    }
  }

  /** Snapshots that do not fit their log are worse than none. */
  #giveUp({ code, message }: HoldfastError): void {
    const { isClosed, failure, snapshots } = this.#log;
    if (isClosed || failure !== undefined) return;
    this.#logger.error({ code, error: message }, 'snapshots cannot be kept');
    try {
      snapshots.drop(message);
    } catch {
      // The log has failed with it, and says so to everybody.
    }
  }

  async #rest(): Promise<void> {
    if (this.#isClosing) return nextTurn();
    await new Promise<void>((resolve) => {
      this.#resting = setTimeout(resolve, PAUSE_MS).unref();
    });
  }

  async #fold(head: number): Promise<void> {
    const rows = this.#log.rows(this.#through)[Symbol.iterator]();
    for (let step = 1; this.#through < head; step += 1) {
      const next = rows.next();
      if (next.done === true) return;
      this.#foldOne(next.value);
      if (step % STEP_ROWS === 0) await this.#rest();
    }
  }

  #foldOne(row: StoredRow): void {
    const before = this.#unsaved.get(row.stream) ?? this.#restored(row.stream);
    // An agent that was killed while it saved has left states that are newer than the rest.
    const isKnown = before !== undefined && row.version <= before.version;
    if (!isKnown) this.#unsaved.set(row.stream, foldNext(before, row));
    this.#through = row.position;
  }

  #restored(stream: StreamName): Folded<unknown> | undefined {
    const snapshot = this.#log.snapshots.find(FOLDING, stream);
    return snapshot === undefined ? undefined : fromSnapshot(snapshot);
  }

  async #save(): Promise<void> {
    const all = [...this.#unsaved];
    for (let start = 0; start < all.length; start += STEP_STATES) {
      if (start > 0) await this.#rest();
      if (this.#isHeld) return;
      const step = all.slice(start, start + STEP_STATES);
      const states = step.map(([stream, folded]) => toSnapshot(stream, folded));
      const isLast = start + STEP_STATES >= all.length;
      this.#log.snapshots.save(FOLDING, states, isLast ? this.#through : undefined);
      // crash point: agent.snapshots.saved
      for (const [stream] of step) this.#unsaved.delete(stream);
    }
    this.#saved = this.#through;
  }
}
