import type { ReadOptions, StoredRow } from './event-log.ts';

/** Whether an event is wanted, by its stream and its stored word. */
export function fitsOptions(options: ReadOptions): (row: StoredRow) => boolean {
  const { streamPrefixes, types } = options;
  return (row) =>
    (types === undefined || types.includes(row.type)) &&
    (streamPrefixes === undefined ||
      streamPrefixes.some((prefix) => row.stream.startsWith(prefix)));
}
