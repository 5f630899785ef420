import { messageOf } from '../../errors.ts';
import type { GapRecord } from '../../output/gaps.ts';
import type { SegmentSeries } from '../../output/segments.ts';
import { discard, type Source, surplusBytes } from './discard.ts';
import { appendGap, giveBackRoom, reserveSlot, type Slot, writeSlot } from './gap-book.ts';

/** The reasons of a write that fails for as long as the disk is what it is. */
const OF_THE_DISK = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

/** The place of the next byte of a stream, and whose it is. */
export interface Place {
  readonly segment: number;
  readonly offset: number;
  readonly run: number;
}

/**
 * Keeps account of what a stream throws away while its disk takes nothing: each time before it is done, in room that
 * was reserved while there was some, so that one that is killed in between has told of it.
 */
export class DropAccount {
  readonly #series: SegmentSeries;
  readonly #report: (line: string) => void;
  #slot: Slot | undefined;
  #gap: GapRecord | undefined;
  /** Is the record on disk as it is? */
  #isWritten = true;
  #hasReported = false;

  constructor(series: SegmentSeries, report: (line: string) => void) {
    this.#series = series;
    this.#report = report;
    this.#reserve();
  }

  /** Is what failed for this reason a case for the policy? */
  static concerns(reason: string): boolean {
    return OF_THE_DISK.has(reason);
  }

  /**
   * Throws away as much as makes room to write, all but `keepBytes` if given; what is left begins at a line where that
   * can be. Returns how many bytes went.
   */
  makeRoom(source: Source, place: Place, keepBytes?: number): number {
    const surplus = surplusBytes(source, keepBytes);
    return surplus === 0 ? 0 : discard(source, surplus, (bytes) => this.#note(place, bytes));
  }

  /** Is all of it on disk? What is not must be, before another byte is kept. */
  get isRecorded(): boolean {
    return this.#isWritten;
  }

  /** There is room again, as far as is known. What is not on disk then is tried again with the next call. */
  settle(): void {
    const gap = this.#gap;
    if (gap === undefined) return;
    this.#isWritten ||=
      (this.#slot !== undefined && this.#try(() => this.#writeSlot())) ||
      this.#try(() => appendGap(this.#series, gap));
    if (!this.#isWritten) return;
    this.#gap = undefined;
    this.#slot = undefined;
    this.#reserve();
  }

  /** About to throw away so many bytes that begin there, or behind those that went before. */
  #note({ segment, offset, run }: Place, bytes: number): void {
    const until = Date.now();
    const before = this.#gap ?? { segment, offset, run, bytes: 0, from: until };
    this.#gap = { ...before, reason: 'disk-full', bytes: before.bytes + bytes, until };
    this.#isWritten = this.#slot !== undefined && this.#try(() => this.#writeSlot());
  }

  /** Nothing is thrown away any more. */
  close(): void {
    this.settle();
    if (this.#gap === undefined) this.#try(() => giveBackRoom(this.#series));
  }

  #reserve(): void {
    this.#try(() => {
      this.#slot = reserveSlot(this.#series);
    });
  }

  #writeSlot(): void {
    if (this.#slot !== undefined && this.#gap !== undefined)
      writeSlot(this.#series, this.#slot, this.#gap);
  }

  /** What fails is said once. */
  #try(act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      const { stem, stream } = this.#series;
      if (!this.#hasReported)
        this.#report(`${stem}.${stream}: a gap is not recorded: ${messageOf(error)}`);
      this.#hasReported = true;
      return false;
    }
  }
}
