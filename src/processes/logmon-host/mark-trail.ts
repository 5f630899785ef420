import { closeSync, constants, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';

import { messageOf } from '../../errors.ts';
import { decodeMarks, encodeMark, MARK_BYTES, type Mark, spanAfter } from '../../output/marks.ts';
import { marksPath, SEGMENT_MODE, type SegmentSeries } from '../../output/segments.ts';
import { openOwn } from './own-file.ts';

const { O_CREAT, O_RDWR } = constants;

/**
 * The marks of the segment that grows. Nothing stops for them: without a mark output has no time and no run, and that
 * is said once.
 */
export class MarkTrail {
  readonly #series: SegmentSeries;
  readonly #report: (line: string) => void;
  #number: number | undefined;
  #fd: number | undefined;
  #count = 0;
  #last: Mark | undefined;
  #hasReported = false;

  constructor(series: SegmentSeries, report: (line: string) => void) {
    this.#series = series;
    this.#report = report;
  }

  /** Of the segment at hand. */
  get bytes(): number {
    return this.#count * MARK_BYTES;
  }

  /** To be called in front of bytes that are about to be written to `offset` of segment `number` by `run`. */
  note(number: number, offset: number, run: number): void {
    const at = Date.now();
    // Asked for every move, and true for nearly all.
    if (number === this.#number && this.#isCovered(at, run)) return;
    try {
      if (this.#number !== number) this.#open(number, offset);
      if (this.#fd === undefined || this.#isCovered(at, run)) return;
      this.#write(this.#fd, { offset, at, run });
    } catch (error) {
      if (!this.#hasReported) {
        const { stem, stream } = this.#series;
        this.#report(`${stem}.${stream}: a mark is not written: ${messageOf(error)}`);
      }
      this.#hasReported = true;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#number = undefined;
  }

  #isCovered(at: number, run: number): boolean {
    const last = this.#last;
    if (last === undefined || last.run !== run) return false;
    // A clock that was set back begins anew: a mark must not be later than its bytes.
    return at >= last.at && at - last.at < last.spanMs;
  }

  #write(fd: number, { offset, at, run }: Omit<Mark, 'spanMs'>): void {
    // What the last one announced did not come: this one takes its place.
    const index = this.#last?.offset === offset ? this.#count - 1 : this.#count;
    const mark = { offset, at, run, spanMs: spanAfter(index) };
    writeSync(fd, encodeMark(mark), 0, MARK_BYTES, index * MARK_BYTES);
    // crash point: logmon.mark.written
    this.#count = index + 1;
    this.#last = mark;
  }

  /** Goes on behind the last whole mark. What has the name and is no file is left alone. */
  #open(number: number, offset: number): void {
    this.close();
    this.#count = 0;
    this.#last = undefined;
    this.#number = number;
    this.#fd = openOwn(marksPath(this.#series, number), O_RDWR | O_CREAT, SEGMENT_MODE);
    if (this.#fd === undefined) throw new Error('something else has its name');
    const { size } = fstatSync(this.#fd);
    if (size === 0) return;
    this.#resume(this.#fd, size, offset);
    ftruncateSync(this.#fd, this.bytes);
  }

  #resume(fd: number, size: number, offset: number): void {
    const bytes = Buffer.alloc(MARK_BYTES);
    for (let count = Math.floor(size / MARK_BYTES); count > 0; count -= 1) {
      readSync(fd, bytes, 0, MARK_BYTES, (count - 1) * MARK_BYTES);
      const [mark] = decodeMarks(bytes);
      // One behind the end was written for bytes that are gone.
      if (mark === undefined || mark.offset > offset) continue;
      this.#count = count;
      this.#last = mark;
      return;
    }
  }
}
