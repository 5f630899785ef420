import { closeSync, constants } from 'node:fs';
import { basename } from 'node:path';

import { messageOf } from '../../errors.ts';
import { removeFileIfPossible } from '../../os/atomic-file.ts';
import { removals, type SeriesSize } from '../../output/budget.ts';
import { currentPath, type SegmentSeries, segmentPath } from '../../output/segments.ts';
import { tryLock } from '../../os/pipes.ts';
import { appendGap } from './gap-book.ts';
import { type Found, scanLogs } from './log-scan.ts';
import { openOwn } from './own-file.ts';
import type { PurgeJournal } from './purge-journal.ts';
import { bytesOnDisk, contentOf, filesOf } from './segment-files.ts';

/** Between two looks at what others keep; longer when looking takes long. */
const LOOK_EVERY_MS = 5_000;
/** After a budget was told: not while tasks are waiting to be collected for. */
const FIRST_LOOK_MS = 500;
/** A look may take this share of the time. */
const LOOK_SHARE = 0.01;

/** A stream of this host. */
export interface OwnSeries {
  readonly series: SegmentSeries;
  /** Of all its files, without looking at them. */
  readonly totalBytes: number;
  size(): SeriesSize;
  /** It was removed. */
  forget(number: number): void;
  /** Sees whether the file that grows is still there, also while nothing is written. */
  look(now: boolean): void;
}

export interface LogBudgetDoors {
  readonly journal: PurgeJournal;
  readonly report: (line: string) => void;
}

/**
 * Keeps the output of all tasks within its budget: what this host writes is counted, what others keep is looked at now
 * and then. Removed is what `budget.ts` says, and no removal is silent.
 */
export class LogBudget {
  readonly #doors: LogBudgetDoors;
  readonly #own = new Set<OwnSeries>();
  /** By the name of their series. */
  #others = new Map<string, Found>();
  #othersBytes = 0;
  #budgetBytes = 0;
  #root = '';
  #timer: NodeJS.Timeout | undefined;
  #hasReported = false;

  constructor(doors: LogBudgetDoors) {
    this.#doors = doors;
  }

  /** As the agent that asked last wants it. */
  set(budgetBytes: number, root: string): void {
    if (root === '' || (budgetBytes === this.#budgetBytes && root === this.#root)) return;
    this.#budgetBytes = budgetBytes;
    this.#root = root;
    this.#plan(FIRST_LOOK_MS);
  }

  /** Counts a stream from now on; returns the way to stop. */
  add(own: OwnSeries): () => void {
    this.#own.add(own);
    // It may have been somebody else's, or nobody's, until now: nothing is counted twice.
    this.#setOther(nameOf(own.series), undefined);
    this.#plan(LOOK_EVERY_MS);
    return () => void this.#own.delete(own);
  }

  /** What was noted and could not be written so far is tried once more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#doors.journal.flush();
  }

  /** To be called when a segment is full: what is to go goes at once. */
  enforce(): void {
    if (this.#budgetBytes === 0) return;
    let totalBytes = this.#othersBytes;
    for (const own of this.#own) totalBytes += own.totalBytes;
    if (totalBytes <= this.#budgetBytes) return;
    const all = new Map<OwnSeries | Found, SeriesSize>();
    for (const own of this.#own) all.set(own, own.size());
    for (const other of this.#others.values()) all.set(other, other);
    for (const { series, number } of removals(all, this.#budgetBytes)) {
      if ('forget' in series) this.#remove(series, number);
      else this.#removeOther(series, number);
    }
  }

  #plan(delayMs: number): void {
    if (this.#timer !== undefined && delayMs >= LOOK_EVERY_MS) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), delayMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    this.#doors.journal.flush();
    const beganAt = performance.now();
    this.lookAtOwn();
    if (this.#budgetBytes > 0) {
      const before = this.#names();
      const found = await scanLogs(this.#root, (series) => before.has(nameOf(series)));
      this.#others = new Map();
      this.#othersBytes = 0;
      const own = this.#names();
      for (const other of found) {
        // Some may have become our own while we looked.
        if (!own.has(nameOf(other.series))) this.#setOther(nameOf(other.series), other);
      }
      this.enforce();
    }
    this.#timer = undefined;
    const tookMs = performance.now() - beganAt;
    if (this.#own.size > 0) this.#plan(Math.max(LOOK_EVERY_MS, tookMs / LOOK_SHARE));
  }

  /** Are the files that grow still there? Done now and then: whoever writes looks only while bytes come. */
  lookAtOwn(): void {
    for (const own of this.#own) {
      try {
        own.look(true);
      } catch {
        // The next byte finds the same, and it is said then.
      }
    }
  }

  #setOther(name: string, other: Found | undefined): void {
    const before = this.#others.get(name);
    this.#othersBytes +=
      (other === undefined ? 0 : bytesOf(other)) - (before ? bytesOf(before) : 0);
    if (other === undefined) this.#others.delete(name);
    else this.#others.set(name, other);
  }

  #names(): ReadonlySet<string> {
    return new Set([...this.#own].map(({ series }) => nameOf(series)));
  }

  #remove(own: OwnSeries, number: number): void {
    // Whoever else has removed it has told of it.
    if (bytesOnDisk(own.series, number) > 0) this.#record(own.series, number);
    own.forget(number);
    removeNow(own.series, number);
  }

  #removeOther({ series, last }: Found, number: number): void {
    const name = nameOf(series);
    const known = this.#others.get(name);
    if (known !== undefined) this.#setOther(name, without(known, number));
    if (last?.number === number && isBeingWritten(series, number)) return;
    // Whoever else has seen it may have removed it.
    if (bytesOnDisk(series, number) === 0) return;
    this.#record(series, number);
    removeNow(series, number);
  }

  /** Before it is removed: one that is killed in between has told of too much, not of too little. */
  #record(series: SegmentSeries, number: number): void {
    const { bytes, run } = contentOf(series, number);
    const now = Date.now();
    const place = { segment: number, offset: 0, bytes };
    try {
      appendGap(series, { reason: 'budget', ...place, from: now, until: now, run });
    } catch (error) {
      const name = `${series.stem}.${series.stream}`;
      if (!this.#hasReported)
        this.#doors.report(`${name}: a gap is not recorded: ${messageOf(error)}`);
      this.#hasReported = true;
    }
    const { dir, stem: task, stream } = series;
    const allocId = basename(dir);
    this.#doors.journal.add({ allocId, task, stream, segments: [number], bytes });
  }
}

/** Of the series: what its stable name is. */
function nameOf(series: SegmentSeries): string {
  return currentPath(series);
}

function without({ series, rotated, keptBytes, last }: Found, number: number): Found {
  const rest = { series, keptBytes, rotated: rotated.filter((one) => one.number !== number) };
  return last === undefined || last.number === number ? rest : { ...rest, last };
}

function bytesOf({ rotated, keptBytes, last }: SeriesSize): number {
  return rotated.reduce((sum, one) => sum + one.bytes, keptBytes + (last?.bytes ?? 0));
}

/** Before anything else is written: else the budget would be exceeded by what waits to be removed. */
function removeNow(series: SegmentSeries, number: number): void {
  for (const path of filesOf(series, number)) removeFileIfPossible(path);
}

/** Whoever writes a segment has its lock. */
function isBeingWritten(series: SegmentSeries, number: number): boolean {
  const fd = openOwn(segmentPath(series, number), constants.O_RDONLY);
  if (fd === undefined) return false;
  try {
    return !tryLock(fd);
  } finally {
    closeSync(fd);
  }
}
