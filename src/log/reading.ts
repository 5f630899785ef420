import type { Recorded } from '../events/envelope.ts';
import type { EventLog, ReadOptions, StoredRow } from './event-log.ts';

/** Whether an event is wanted, by its stream and its stored word. */
export function fitsOptions(options: ReadOptions): (row: StoredRow) => boolean {
  const { streamPrefixes, types } = options;
  return (row) =>
    (types === undefined || types.includes(row.type)) &&
    (streamPrefixes === undefined ||
      streamPrefixes.some((prefix) => row.stream.startsWith(prefix)));
}

/** `EventLog.readAll` by pages. */
export function readAllPages(
  log: Pick<EventLog, 'readPage' | 'head'>,
  after: number,
  options: ReadOptions & { readonly limit: number },
): readonly Recorded[] {
  const { limit } = options;
  const events: Recorded[] = [];
  let next = after;
  do {
    const page = log.readPage(next, { ...options, limit: limit - events.length });
    events.push(...page.events);
    next = page.next;
  } while (events.length < limit && next < log.head);
  return events;
}
