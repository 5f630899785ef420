import type { FileHandle } from 'node:fs/promises';

import { decodeMarks, encodeMark, MARK_BYTES, type Mark } from './marks.ts';
import { openFile } from './segment-bytes.ts';
import { marksPath, type SegmentSeries } from './segments.ts';

/** A file of ours is far smaller; of another one no more is looked at. */
const MOST_BYTES = 8_388_608;

/**
 * The marks of one segment, as far as they were written. A mark is written before the bytes that it is about: those
 * that are read after some bytes cover these.
 */
export class MarkIndex {
  readonly #path: string;
  #file: FileHandle | undefined;
  #readBytes = 0;
  readonly #marks: Mark[] = [];

  constructor(series: SegmentSeries, segment: number) {
    this.#path = marksPath(series, segment);
  }

  /** Ascending by offset. The last ones are replaced, or followed by others, with each `refresh`. */
  get marks(): readonly Mark[] {
    return this.#marks;
  }

  async refresh(): Promise<void> {
    if (this.#file === undefined) {
      const opened = await openFile(this.#path);
      if (opened === undefined || opened === 'no file') return;
      this.#file = opened;
    }
    const { size } = await this.#file.stat();
    const whole = Math.min(MOST_BYTES, size - (size % MARK_BYTES));
    if (whole <= this.#readBytes) return;
    const room = Buffer.alloc(whole - this.#readBytes);
    const { bytesRead } = await this.#file.read(room, 0, room.length, this.#readBytes);
    this.#readBytes += bytesRead - (bytesRead % MARK_BYTES);
    // The newest one so far is decoded once more: what follows may replace it.
    const newest = this.#marks.pop();
    const records = newest === undefined ? [] : [encodeMark(newest)];
    for (const mark of decodeMarks(Buffer.concat([...records, room.subarray(0, bytesRead)])))
      this.#marks.push(mark);
  }

  /** The mark that covers a byte, and where the next one begins; undefined when none covers it. */
  at(offset: number): { readonly mark: Mark | undefined; readonly until: number } {
    let [low, high] = [0, this.#marks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#marks[middle]?.offset ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return { mark: this.#marks[low - 1], until: this.#marks[low]?.offset ?? Infinity };
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}
