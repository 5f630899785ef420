/**
 * The high-water mark: a small file beside the store that says how far the log had come. SQLite ends a damaged
 * write-ahead log at the first bad frame without a word, and only something outside of it can tell. Written after the
 * commits it speaks of and never synced, so it may lag, but it is never ahead.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { EventLog } from './event-log.ts';

const INTERVAL_MS = 1_000;

export interface HeadMark {
  readonly storeId: string;
  readonly head: number;
  /** The log was closed in order. */
  readonly isClosed: boolean;
}

/** What the file says, or undefined when there is none that can be read. */
export function readHeadMark(path: string): HeadMark | undefined {
  try {
    const mark = JSON.parse(readFileSync(path, 'utf8')) as Partial<HeadMark>;
    if (typeof mark.storeId !== 'string' || !Number.isSafeInteger(mark.head)) return undefined;
    return { storeId: mark.storeId, head: Number(mark.head), isClosed: mark.isClosed === true };
  } catch {
    return undefined;
  }
}

/** Writes the mark now, at most once a second while the log grows, and when it is closed. */
export function keepHeadMark(path: string, log: EventLog, onFault: (error: unknown) => void): void {
  let timer: NodeJS.Timeout | undefined;
  const write = () => {
    timer = undefined;
    const mark: HeadMark = { storeId: log.storeId, head: log.head, isClosed: log.isClosed };
    try {
      writeFileSync(`${path}.new`, `${JSON.stringify(mark)}\n`, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch (error) {
      onFault(error);
    }
  };
  const cancel = log.onAppended(() => {
    if (log.isClosed) {
      cancel();
      clearTimeout(timer);
      write();
    } else if (timer === undefined) {
      timer = setTimeout(write, INTERVAL_MS);
      timer.unref();
    }
  });
  write();
}
