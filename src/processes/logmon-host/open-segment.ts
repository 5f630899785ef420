import {
  constants,
  closeSync,
  fchmodSync,
  fstatSync,
  openSync,
  readSync,
  readdirSync,
  unlink,
} from 'node:fs';

import { errnoOf } from '../../errors.ts';
import { SEGMENT_MODE, segmentNumbers, segmentPath } from '../../output/segments.ts';
import type { SegmentSeries } from '../../output/segments.ts';
import type { SyncQueue } from './sync-queue.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;

const NEWLINE = 10;
const lastByte = Buffer.alloc(1);

/**
 * The segment that grows, and the step to the next one. Never opened for appending, because splice(2) refuses that:
 * bytes go to `sizeBytes`, which is the true size of the file when it is opened and counted from then on. The first one
 * is made for the first byte: a start need not wait for it, and most tasks never write to one of their two streams.
 */
export class OpenSegment {
  readonly #series: SegmentSeries;
  readonly #maxFiles: number;
  readonly #disk: SyncQueue;
  /** The segments on disk, oldest first; the last one is open if any is. */
  readonly #numbers: number[];
  /** Full segments on their way to the disk. */
  readonly #settling = new Map<number, number>();
  /** Undefined until the first byte is there. */
  #fd: number | undefined;
  #sizeBytes: number;

  /** Goes on with the newest segment if there is one. Throws what listing the directory and opening it throw. */
  constructor(series: SegmentSeries, maxFiles: number, disk: SyncQueue) {
    this.#series = series;
    this.#maxFiles = maxFiles;
    this.#disk = disk;
    this.#numbers = segmentNumbers(readdirSync(series.dir), series);
    const newest = this.#numbers.at(-1);
    this.#fd = newest === undefined ? undefined : openExisting(segmentPath(series, newest));
    this.#sizeBytes = this.#fd === undefined ? 0 : fstatSync(this.#fd).size;
    this.#purge();
  }

  get isOpen(): boolean {
    return this.#fd !== undefined;
  }

  /** For somebody who has bytes for it. Throws what making the segment throws; when that does, nothing has changed. */
  open(): number {
    if (this.#fd === undefined) {
      this.#fd = this.#create();
      this.#purge();
    }
    return this.#fd;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Counts bytes that were written at the end. */
  grow(bytes: number): void {
    this.#sizeBytes += bytes;
  }

  /** Goes on at the true end of the file, whatever was counted. */
  measure(): void {
    if (this.#fd !== undefined) this.#sizeBytes = fstatSync(this.#fd).size;
  }

  /** Is it empty, or its last byte a newline? */
  atLineStart(): boolean {
    if (this.#fd === undefined || this.#sizeBytes === 0) return true;
    readSync(this.#fd, lastByte, 0, 1, this.#sizeBytes - 1);
    return lastByte[0] === NEWLINE;
  }

  /** Begins the next segment; this one is brought to disk meanwhile. When that throws, nothing has changed. */
  rotate(report: (error: unknown) => void): void {
    const full = this.open();
    const number = this.#numbers.at(-1) ?? 0;
    // crash point: logmon.rotate.before
    this.#fd = this.#create();
    // crash point: logmon.rotate.created
    this.#sizeBytes = 0;
    this.#settling.set(number, full);
    void this.#disk
      .syncAndClose(full)
      .catch(report)
      .finally(() => this.#settling.delete(number));
    this.#purge();
  }

  /** Resolves when everything is on disk and closed. */
  async close(): Promise<void> {
    if (this.#fd !== undefined) await this.#disk.syncAndClose(this.#fd);
  }

  /** A file of the next free number. A name that something else has taken is passed over. */
  #create(): number {
    for (let number = (this.#numbers.at(-1) ?? -1) + 1; ; number += 1) {
      try {
        const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
        const fd = openSync(segmentPath(this.#series, number), flags, SEGMENT_MODE);
        // Whatever the umask: the group may read logs.
        fchmodSync(fd, SEGMENT_MODE);
        this.#numbers.push(number);
        return fd;
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error;
      }
    }
  }

  #purge(): void {
    for (const number of this.#numbers.splice(0, this.#numbers.length - this.#maxFiles)) {
      const settling = this.#settling.get(number);
      if (settling !== undefined) this.#disk.forget(settling);
      // One that is gone already is what was wanted, and one that cannot be removed is not worth stopping for.
      unlink(segmentPath(this.#series, number), () => undefined);
    }
  }
}

/** Undefined when what has the name is not a file that can be written. */
function openExisting(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (['EISDIR', 'ELOOP', 'EACCES', 'ENXIO', 'ENOENT'].includes(errnoOf(error) ?? '')) return;
    throw error;
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return undefined;
}
