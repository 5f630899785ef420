/**
 * The high-water mark: a small file beside the store that says how far the log had come. SQLite ends a damaged
 * write-ahead log at the first bad frame without a word, and only something outside of it can tell. Written after the
 * commits it speaks of and synced only when it is opened, so it may lag, but it is never ahead, and is never missing
 * beside a store that has events.
 */
import {
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { EventLog } from './event-log.ts';
import { syncFolder } from './sync-folder.ts';

export interface HeadMark {
  readonly storeId: string;
  readonly head: number;
  /** The log was closed in order. */
  readonly isClosed: boolean;
}

/** What the file says, or undefined when there is none that can be read. */
export function readHeadMark(path: string): HeadMark | undefined {
  try {
    const mark = JSON.parse(readFileSync(path, 'utf8')) as Partial<HeadMark & { check: number }>;
    if (typeof mark.storeId !== 'string' || !Number.isSafeInteger(mark.head)) return undefined;
    const { storeId, check } = mark;
    const read = { storeId, head: Number(mark.head), isClosed: mark.isClosed === true };
    // The first release wrote none.
    return check === undefined || check === checkOf(read) ? read : undefined;
  } catch {
    return undefined;
  }
}

export interface KnownMarks {
  /** The newest of both. */
  readonly mark: HeadMark | undefined;
  /** Set when what is kept in the directory of the store belongs together, and another store was here last. */
  readonly overtaken: HeadMark | undefined;
}

/**
 * The mark beside the store, and the one above its directory: a store that is put back from a backup brings its own
 * mark along, and only the other one can tell that the log had come further.
 */
export function readHeadMarks(path: string, above: string | undefined): KnownMarks {
  const beside = readHeadMark(path);
  const other = above === undefined ? undefined : readHeadMark(above);
  if (beside === undefined || other === undefined) {
    return { mark: beside ?? other, overtaken: undefined };
  }
  if (beside.storeId !== other.storeId) return { mark: other, overtaken: beside };
  return { mark: other.head > beside.head ? other : beside, overtaken: undefined };
}

/** Where the second mark of a store in a data directory is. */
export function markAbove(path: string): string {
  return join(dirname(dirname(path)), 'head');
}

function checkOf({ storeId, head, isClosed }: HeadMark): number {
  return crc32(`${storeId} ${head} ${isClosed}`);
}

/** The file keeps its length, so that one short write replaces all of it. */
const WIDTH_BYTES = 128;

/**
 * Writes the mark now, after every commit and when the log is closed. It is a write into the page cache, some
 * microseconds beside a commit that waits for the disk; a mark that lagged by a second would miss just the events that
 * a kill and a damaged write-ahead log lose together.
 */
export function keepHeadMark(path: string, log: EventLog, onFault: (error: unknown) => void): void {
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  const write = (): void => {
    // A log that failed was not closed in order, whatever was done to it later.
    const isClosed = log.isClosed && log.failure === undefined;
    const mark: HeadMark = { storeId: log.storeId, head: log.head, isClosed };
    try {
      writeSync(
        file,
        `${JSON.stringify({ ...mark, check: checkOf(mark) }).padEnd(WIDTH_BYTES - 1)}\n`,
        0,
      );
    } catch (error) {
      onFault(error);
    }
  };
  const cancel = log.onAppended(() => {
    write();
    if (!log.isClosed) return;
    cancel();
    closeSync(file);
  });
  write();
  ftruncateSync(file, WIDTH_BYTES);
  fsyncSync(file);
  syncFolder(dirname(path));
}
