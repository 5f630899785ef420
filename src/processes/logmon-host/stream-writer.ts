import { closeSync } from 'node:fs';

import { HoldfastError } from '../../errors.ts';
import { bytesWaiting, ERRNO, errnoName } from '../../os/pipes.ts';
import { cannotWrite, reasonOf } from './cannot-write.ts';
import { CopyMover } from './copy-pump.ts';
import { DropAccount } from './drop-account.ts';
import { MarkTrail } from './mark-trail.ts';
import { chooseMover } from './mover.ts';
import type { Mover } from './mover.ts';
import { OpenSegment } from './open-segment.ts';
import { cut, plan } from './rotation.ts';
import { RunTurns } from './run-turns.ts';
import type { Turn } from './turn.ts';
import type { StreamOptions, Workshop } from './workshop.ts';

/** One stream gets at most so much before the others have their turn. */
const TURN_BYTES = 1_048_576;

/** How long the rest of a line is waited for in front of the limit of a segment. */
const PATIENCE_MS = 250;

/** A stream that drops tries so often whether something can be written again, and looks so often what there is. */
const DROPPING_RETRY_MS = 200;
const DROPPING_LOOK_MS = 20;

/** Brings one stream of a task from its FIFO into segments. All of its state is in the FIFO and the files. */
export class StreamWriter {
  /** The open FIFO. It is closed with the writer. */
  readonly fifo: number;
  readonly #options: StreamOptions;
  readonly #shop: Workshop;
  readonly #segment: OpenSegment;
  readonly #marks: MarkTrail;
  readonly #runs: RunTurns;
  readonly #drops: DropAccount | undefined;
  readonly #leaveBudget: () => void;
  #mover: Mover;
  #collectedBytes = 0;
  #droppedBytes = 0;
  /** Since when the beginning of a line waits, in the milliseconds of `performance.now()`. */
  #heldSince: number | undefined;
  #blocked: HoldfastError | undefined;
  #blockedAtMs = 0;
  /** While it drops: before then nothing is tried. */
  #retryAt = 0;
  #closed = false;

  /** Throws what opening the newest segment throws; `fifo` is then the caller's to close. */
  constructor(fifo: number, options: StreamOptions, shop: Workshop) {
    this.fifo = fifo;
    this.#options = options;
    this.#shop = shop;
    const { report } = shop;
    this.#mover = options.mover ?? chooseMover(options.dir);
    this.#segment = new OpenSegment(options, options, shop);
    this.#marks = new MarkTrail(options, report);
    this.#runs = new RunTurns(options.run ?? 0);
    this.#drops = options.dropWhenFull === true ? new DropAccount(options, report) : undefined;
    this.#leaveBudget = shop.budget.add(this.#segment);
  }

  get way(): 'splice' | 'copy' {
    return this.#mover.way;
  }

  /** Bytes this writer has brought into files. */
  get collectedBytes(): number {
    return this.#collectedBytes;
  }

  /** Bytes that are in no FIFO any more: collected, or thrown away. */
  get passedBytes(): number {
    return this.#collectedBytes + this.#droppedBytes;
  }

  /** Its descriptors may belong to others by now. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes that the task has written and no file has yet. */
  get waitingBytes(): number {
    if (this.#closed) return 0;
    return bytesWaiting(this.fifo) + this.#mover.pendingBytes;
  }

  /** Why nothing can be written, while that is so. */
  get blocked(): HoldfastError | undefined {
    return this.#blocked;
  }

  /** The name of the errno, or what is known instead. */
  get blockedReason(): string {
    const reason = this.#blocked?.details['reason'];
    return typeof reason === 'string' ? reason : '';
  }

  /** Since when, in milliseconds since 1970. */
  get blockedAtMs(): number {
    return this.#blockedAtMs;
  }

  /** What is written from now on is of this run. What waits already is of those before. */
  beginRun(run: number): void {
    if (run > this.#runs.newest) this.#runs.announce(run, this.passedBytes + this.waitingBytes);
  }

  /** Moves what is there, at most a mebibyte. With `urgent`, the rest of an unfinished line is not waited for. */
  turn(urgent = false): Turn {
    let movedBytes = 0;
    if (this.#closed) return { movedBytes, end: 'dry' };
    if (this.#isDropping && performance.now() < this.#retryAt) return this.#drop();
    try {
      this.#settleDrops();
      this.#segment.look();
      while (movedBytes < TURN_BYTES) {
        const step = this.#step(TURN_BYTES - movedBytes, urgent);
        movedBytes += step.movedBytes;
        if (step.dry) return { movedBytes, end: 'dry' };
      }
      return { movedBytes, end: 'more' };
    } catch (error) {
      this.#block(error);
      // What was on its way when it failed may be in the file: written over, it would be lost.
      this.#segment.measure();
      return this.#isDropping ? this.#drop() : { movedBytes, end: 'blocked' };
    }
  }

  /** For the end of a task whose output still cannot be written. True when it was thrown away, as its policy says. */
  dropRest(): boolean {
    if (this.#isDropping) this.#drop(0);
    return this.#isDropping;
  }

  /** Resolves when all that was collected is on disk. The writer is of no use afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    closeSync(this.fifo);
    this.#drops?.close();
    this.#marks.close();
    await this.#segment.close();
    this.#leaveBudget();
  }

  /** One move or one rotation. `dry` when there was less to move than was asked for. */
  #step(budget: number, urgent: boolean): { movedBytes: number; dry: boolean } {
    if (this.#mover.pendingBytes > 0) return this.#move(this.#mover.pendingBytes);
    if (!this.#segment.isOpen && this.waitingBytes === 0) return { movedBytes: 0, dry: true };
    const limitBytes = this.#options.maxFileBytes;
    const segment = { sizeBytes: this.#segment.sizeBytes, limitBytes };
    const next = plan(segment);
    if (next.kind === 'rotate') {
      // Only for a byte that is there: an empty segment would cost the oldest one for nothing.
      return this.waitingBytes > 0 ? this.#rotate() : { movedBytes: 0, dry: true };
    }
    if (next.kind === 'move') return this.#move(Math.min(next.bytes, budget));
    const seen = this.#shop.preview.look(this.fifo, next.bytes);
    if (seen.length === 0) return { movedBytes: 0, dry: true };
    const atLineStart = this.#segment.atLineStart();
    const step = cut({ ...segment, seen, atLineStart, patient: !urgent && this.#patient() });
    if (step.kind === 'move') return this.#move(step.bytes);
    if (step.kind === 'rotate') return this.#rotate();
    this.#heldSince ??= performance.now();
    return { movedBytes: 0, dry: true };
  }

  #patient(): boolean {
    return this.#heldSince === undefined || performance.now() - this.#heldSince < PATIENCE_MS;
  }

  #move(wanted: number): { movedBytes: number; dry: boolean } {
    const segment = this.#segment;
    const fd = segment.open();
    const run = this.#runNow();
    const bytes = Math.min(wanted, this.#runs.nextFrom - this.passedBytes);
    this.#marks.note(segment.number, segment.sizeBytes, run);
    // crash point: logmon.splice.before
    const count = this.#mover.move(this.fifo, fd, segment.sizeBytes, bytes);
    // crash point: logmon.splice.after
    if (count === -ERRNO.EAGAIN || count === -ERRNO.EINTR) return { movedBytes: 0, dry: true };
    if (count === -ERRNO.EINVAL && this.#mover.way === 'splice') {
      this.#shop.report(`${this.#name}: splice does not work here, copying instead`);
      this.#mover = new CopyMover();
      return { movedBytes: 0, dry: false };
    }
    if (count < 0) throw cannotWrite(errnoName(-count));
    segment.grow(count);
    this.#collectedBytes += count;
    this.#heldSince = undefined;
    if (this.#blocked !== undefined) this.#heal();
    return { movedBytes: count, dry: count < bytes };
  }

  #rotate(): { movedBytes: number; dry: boolean } {
    this.#segment.rotate(this.#marks.bytes);
    this.#shop.budget.enforce();
    this.#heldSince = undefined;
    return { movedBytes: 0, dry: false };
  }

  #block(error: unknown): void {
    const blocked = HoldfastError.is(error) ? error : cannotWrite(reasonOf(error));
    // Said once, however often it is tried again.
    if (this.#blocked === undefined) {
      this.#shop.report(`${this.#name}: ${blocked.message}`);
      this.#blockedAtMs = Date.now();
    }
    this.#blocked = blocked;
    this.#retryAt = performance.now() + DROPPING_RETRY_MS;
  }

  #heal(): void {
    this.#shop.report(`${this.#name}: collecting again`);
    this.#blocked = undefined;
    this.#drops?.settle();
  }

  get #isDropping(): boolean {
    return this.#drops !== undefined && DropAccount.concerns(this.blockedReason);
  }

  /** What is missing must be known before what comes behind it is there. */
  #settleDrops(): void {
    if (this.#drops === undefined || this.#drops.isRecorded) return;
    this.#drops.settle();
    if (!this.#drops.isRecorded) throw this.#blocked ?? cannotWrite('ENOSPC');
  }

  #runNow(): number {
    if (this.passedBytes >= this.#runs.nextFrom) this.#runs.advance(this.passedBytes);
    return this.#runs.run;
  }

  /** Makes room for a program that shall not wait. */
  #drop(keepBytes?: number): Turn {
    const { number: segment, sizeBytes: offset } = this.#segment;
    const place = { segment, offset, run: this.#runNow() };
    const source = { fifo: this.fifo, mover: this.#mover, preview: this.#shop.preview };
    const droppedBytes = this.#drops?.makeRoom(source, place, keepBytes) ?? 0;
    this.#droppedBytes += droppedBytes;
    const retryMs = droppedBytes > 0 ? 1 : DROPPING_LOOK_MS;
    return { movedBytes: 0, end: 'blocked', retryMs };
  }

  get #name(): string {
    return `${this.#options.stem}.${this.#options.stream}`;
  }
}
