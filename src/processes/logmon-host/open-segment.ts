import { closeSync, constants, fstatSync, lstatSync, readSync } from 'node:fs';

import { messageOf } from '../../errors.ts';
import { tryLock } from '../../os/pipes.ts';
import type { SegmentSize, SeriesSize } from '../../output/budget.ts';
import { segmentPath } from '../../output/segments.ts';
import type { SegmentSeries } from '../../output/segments.ts';
import type { OwnSeries } from './log-budget.ts';
import { type Missed, NameWatch } from './name-watch.ts';
import { createSegment, LogDirectory } from './new-segment.ts';
import { openOwn } from './own-file.ts';
import type { Packer } from './packer.ts';
import { bytesOnDisk, linkCurrent, removeSegment } from './segment-files.ts';
import { findTraces, recordRemoved } from './segment-traces.ts';
import type { SyncQueue } from './sync-queue.ts';

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
  readonly #directory: LogDirectory;
  readonly #watch = new NameWatch();
  /** The segments on disk, oldest first; the last one is open if any is. */
  readonly #numbers: number[];
  /** What the full ones take up. */
  readonly #bytes = new Map<number, number>();
  #rotatedBytes = 0;
  /** Full segments on their way to the disk. */
  readonly #settling = new Map<number, number>();
  /** Names below this one were given to segments that are gone. */
  #firstFree: number;
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
    this.#directory = new LogDirectory(series.dir);
    const { numbers, newest } = findTraces(series, care.report);
    this.#numbers = numbers;
    const isThere = newest >= 0 && newest === numbers.at(-1);
    this.#fd = isThere ? openOwn(segmentPath(series, newest), constants.O_RDWR) : undefined;
    this.#sizeBytes = this.#fd === undefined ? 0 : fstatSync(this.#fd).size;
    this.#firstFree = newest + 1;
    if (this.#fd !== undefined) this.#take(this.#fd, newest);
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
    // A file that is shorter than that was cut by somebody else, which `look` finds.
    if (this.#fd !== undefined)
      this.#sizeBytes = Math.max(this.#sizeBytes, fstatSync(this.#fd).size);
  }

  /**
   * Begins another segment when this one is not what its name says any more. To be called in front of bytes, which are
   * kept up by it once a second, and with `now` when there are none. Throws when its directory is gone for good.
   */
  look(now = false): void {
    const fd = this.#fd;
    if (fd === undefined || !(now || this.#watch.isDue)) return;
    const path = segmentPath(this.series, this.#current);
    const missed = this.#watch.look(fd, path, this.#sizeBytes);
    if (missed !== undefined) this.#leave(fd, missed);
  }

  #leave(fd: number, { offset, bytes }: Missed): void {
    this.#directory.ensure();
    const segment = this.#current;
    if (bytes > 0) recordRemoved(this.series, { segment, offset, bytes }, this.#care.report);
    closeSync(fd);
    this.#fd = undefined;
    this.#sizeBytes = 0;
    this.#firstFree = segment + 1;
    const leftBytes = bytesOnDisk(this.series, segment);
    if (leftBytes > 0) this.#count(segment, leftBytes);
    else this.forget(segment);
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

  #create(): number {
    const { fd, number } = createSegment(this.series, this.#next, this.#directory);
    this.#numbers.push(number);
    this.#take(fd, number);
    return fd;
  }

  /** Shows whoever looks that it is being written, and where. */
  #take(fd: number, number: number): void {
    this.#current = number;
    this.#watch.begin();
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
