/**
 * The scrub: reads every stored row again, slowly, to find what has rotted on the disk. An opening that begins with
 * snapshots does not look at older rows, and a subscriber may not do so for months. What it finds is not repaired under
 * a running agent: the snapshots are dropped, so that the next opening folds the whole log, meets the damage and
 * recovers what can be read.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { HoldfastError } from '../errors.ts';
import type { EventLog } from './event-log.ts';
import { isRowDamage } from './sqlite-row.ts';

export interface ScrubOptions {
  /** Ends it, for when the log is about to be closed. */
  readonly signal: AbortSignal;
  /** Called once, when the snapshots are dropped, with what is wrong: EVENT_MALFORMED or STORE_CORRUPT. */
  readonly onDamage: (error: HoldfastError) => void;
  /** Until the first reading. Default `everyMs`, for a log that was just read as a whole. */
  readonly firstMs?: number;
  /** From the end of one reading to the next. Default 24 hours. */
  readonly everyMs?: number;
  /** Between two slices of a quiet log, and while it is written to. Default 20 and 200. */
  readonly pauseMs?: number;
  readonly busyPauseMs?: number;
}

/** Rows in one slice: a millisecond of work. */
const SLICE_ROWS = 512;
const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * Reads the log again and again until it finds damage, is aborted, or the log ends. A million rows take about a minute
 * of a quiet agent, of which it works three seconds. Never rejects, and keeps no process alive.
 */
export async function scrub(log: EventLog, options: ScrubOptions): Promise<void> {
  const { signal, onDamage, everyMs = DAY_MS, firstMs = everyMs } = options;
  try {
    for (let waitMs = firstMs; ; waitMs = everyMs) {
      await pause(waitMs, undefined, { ref: false, signal });
      await readAll(log, options);
    }
  } catch (error) {
    const isOver = signal.aborted || log.isClosed || log.failure !== undefined;
    if (isOver || !isDamage(error)) return;
    dropSnapshots(log, error);
    onDamage(error);
  }
}

async function readAll(log: EventLog, options: ScrubOptions): Promise<void> {
  const { signal, pauseMs = 20, busyPauseMs = 200 } = options;
  const end = log.head;
  let head = end;
  let read = 0;
  for (const row of log.rows()) {
    read += 1;
    if (row.position >= end) return;
    if (read % SLICE_ROWS > 0) continue;
    const isQuiet = log.head === head;
    head = log.head;
    await pause(isQuiet ? pauseMs : busyPauseMs, undefined, { ref: false, signal });
  }
}

function isDamage(error: unknown): error is HoldfastError {
  return isRowDamage(error) || HoldfastError.is(error, 'STORE_CORRUPT');
}

function dropSnapshots(log: EventLog, { message }: HoldfastError): void {
  try {
    log.snapshots.drop(message);
  } catch {
    // The log has failed with it, which every one of its users is told.
  }
}
