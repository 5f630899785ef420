import {
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
} from 'node:fs';

import { errnoOf, messageOf } from '../../errors.ts';
import { tryLock } from '../../os/pipes.ts';
import type { SegmentSize, SeriesSize } from '../../output/budget.ts';
import { SEGMENT_MODE, segmentNumbers, segmentPath } from '../../output/segments.ts';
import type { SegmentSeries } from '../../output/segments.ts';
import { recordedGaps } from './gap-book.ts';
import type { OwnSeries } from './log-budget.ts';
import { openOwn } from './own-file.ts';
import type { Packer } from './packer.ts';
import { bytesOnDisk, linkCurrent, removeSegment } from './segment-files.ts';
import { removeLeftovers } from './segment-leftovers.ts';
import type { SyncQueue } from './sync-queue.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;

const NEWLINE = 10;
const lastByte = Buffer.alloc(1);

export interface SegmentPolicy {
  readonly maxFiles: number;
  readonly compress?: boolean;
}

/** What full segments go through. */
export interface SegmentCare {
  readonly disk: SyncQueue;
  readonly packer: Packer;
  readonly report: (line: string) => void;
}

/**
 * The segment that grows, and the step to the next one. Never opened for appending, because splice(2) refuses that:
 * bytes go to `sizeBytes`, which is the true size of the file when it is opened and counted from then on. The first one
 * is made for the first byte: a start need not wait for it, and most tasks never write to one of their two streams.
 */
export class OpenSegment implements OwnSeries {
  readonly series: SegmentSeries;
  readonly #policy: SegmentPolicy;
  readonly #care: SegmentCare;
  /** The segments on disk, oldest first; the last one is open if any is. */
  readonly #numbers: number[];
  /** What the full ones take up. */
  readonly #bytes = new Map<number, number>();
  #rotatedBytes = 0;
  /** Full segments on their way to the disk. */
  readonly #settling = new Map<number, number>();
  /** Names below this one were given to segments that are gone. */
  readonly #firstFree: number;
  /** Undefined until the first byte is there. */
  #fd: number | undefined;
  #current = 0;
  #sizeBytes: number;
  #hasReportedLink = false;

  /** Goes on with the newest segment if there is one. Throws what listing the directory and opening it throw. */
  constructor(series: SegmentSeries, policy: SegmentPolicy, care: SegmentCare) {
    this.series = series;
    this.#policy = policy;
    this.#care = care;
    const names = readdirSync(series.dir);
    this.#numbers = segmentNumbers(names, series);
    removeLeftovers(series, names, this.#numbers);
    const newest = this.#numbers.at(-1);
    this.#fd =
      newest === undefined ? undefined : openOwn(segmentPath(series, newest), constants.O_RDWR);
    this.#sizeBytes = this.#fd === undefined ? 0 : fstatSync(this.#fd).size;
    this.#firstFree = newest === undefined ? numberBehindGaps(series) : newest + 1;
    if (this.#fd !== undefined) this.#take(this.#fd, newest ?? 0);
    const full = this.#fd === undefined ? this.#numbers : this.#numbers.slice(0, -1);
    for (const number of full) this.#count(number, bytesOnDisk(series, number));
    this.#purge();
    if (policy.compress === true) for (const number of full) this.#packIfPlain(number);
  }

  get isOpen(): boolean {
    return this.#fd !== undefined;
  }

  /** Of the one that grows, or of the next one while none does. */
  get number(): number {
    return this.#fd === undefined ? this.#next : this.#current;
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
  rotate(marksBytes: number): void {
    const full = this.open();
    const { number } = this;
    // crash point: logmon.rotate.before
    this.#fd = this.#create();
    // crash point: logmon.rotate.created
    this.#count(number, this.#sizeBytes + marksBytes);
    this.#sizeBytes = 0;
    this.#settling.set(number, full);
    void this.#care.disk
      .syncAndClose(full)
      .catch((error: unknown) => this.#tell('a full segment is not on disk', error))
      .finally(() => {
        this.#settling.delete(number);
        if (this.#policy.compress === true) this.#packIfPlain(number);
      });
    this.#purge();
  }

  /** Resolves when everything is on disk and closed. */
  async close(): Promise<void> {
    if (this.#fd !== undefined) await this.#care.disk.syncAndClose(this.#fd);
  }

  get totalBytes(): number {
    return this.#rotatedBytes + this.#sizeBytes;
  }

  size(): SeriesSize {
    const rotated: SegmentSize[] = [...this.#bytes].map(([number, bytes]) => ({ number, bytes }));
    return { rotated, keptBytes: this.#sizeBytes };
  }

  forget(number: number): void {
    const settling = this.#settling.get(number);
    if (settling !== undefined) this.#care.disk.forget(settling);
    this.#rotatedBytes -= this.#bytes.get(number) ?? 0;
    this.#bytes.delete(number);
    const index = this.#numbers.indexOf(number);
    if (index >= 0) this.#numbers.splice(index, 1);
  }

  get #next(): number {
    return Math.max(this.#firstFree, (this.#numbers.at(-1) ?? -1) + 1);
  }

  /** A file of the next free number. A name that something else has taken is passed over. */
  #create(): number {
    for (let number = this.#next; ; number += 1) {
      try {
        const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
        const fd = openSync(segmentPath(this.series, number), flags, SEGMENT_MODE);
        // Whatever the umask: the group may read logs.
        fchmodSync(fd, SEGMENT_MODE);
        this.#numbers.push(number);
        this.#take(fd, number);
        return fd;
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error;
      }
    }
  }

  /** Shows whoever looks that it is being written, and where. */
  #take(fd: number, number: number): void {
    this.#current = number;
    tryLock(fd);
    try {
      linkCurrent(this.series, number);
    } catch (error) {
      if (!this.#hasReportedLink) this.#tell('its stable name does not lead to it', error);
      this.#hasReportedLink = true;
    }
  }

  #count(number: number, bytes: number): void {
    this.#rotatedBytes += bytes - (this.#bytes.get(number) ?? 0);
    this.#bytes.set(number, bytes);
  }

  #purge(): void {
    const surplus = this.#numbers.length - this.#policy.maxFiles;
    for (const number of this.#numbers.slice(0, Math.max(0, surplus))) {
      this.forget(number);
      removeSegment(this.series, number);
    }
  }

  #packIfPlain(number: number): void {
    const isWanted = (): boolean => this.#bytes.has(number);
    const plain = lstatSync(segmentPath(this.series, number), { throwIfNoEntry: false });
    if (!isWanted() || plain?.isFile() !== true) return;
    this.#care.packer.add({
      series: this.series,
      number,
      isWanted,
      packed: () => this.#count(number, bytesOnDisk(this.series, number)),
      failed: (error) => this.#tell(`segment ${number} is not compressed`, error),
    });
  }

  #tell(what: string, error: unknown): void {
    const { stem, stream } = this.series;
    this.#care.report(`${stem}.${stream}: ${what}: ${messageOf(error)}`);
  }
}

/** All segments may have gone to keep a budget: their numbers are not given again. */
function numberBehindGaps(series: SegmentSeries): number {
  return Math.max(-1, ...recordedGaps(series).map(({ segment }) => segment)) + 1;
}
