/** Reading what can be read of a store file that may be damaged anywhere. Nothing here throws over damage. */
import { ROW_COLUMNS, type DiskRow } from './sqlite-row.ts';
import { connect, type Connection } from './sqlite.ts';

export type StoredDiskRow = DiskRow & { readonly epoch: number };

/**
 * Opens a store for reading alone, also one that was cut off: SQLite refuses every page of a file that is shorter than
 * its header says, unless the schema counts as being repaired. Throws the driver's error.
 */
export function connectTorn(path: string): Connection {
  const connection = connect(path, { isReadonly: true });
  connection.unsafeMode(true);
  connection.pragma('writable_schema = ON');
  return connection;
}

/** Rows that one read gives at most. */
const PAGE_ROWS = 256;
/** So many positions in a row that cannot be read are more than what one broken page can hide. */
const BROKEN_RUN = 65_536;

/**
 * Every row that SQLite still gives, in order; a page of the file that it refuses costs only the rows on it. The span
 * of a read is halved where it fails and doubled where nothing is, since `highest` may be damaged itself: positions
 * that were never given must not be tried one by one for hours.
 */
export function* readableRows(store: Connection, highest: number): Generator<StoredDiskRow> {
  const between = attempt(() =>
    store.prepare(
      `SELECT ${ROW_COLUMNS}, epoch FROM events
       WHERE position > ? AND position <= ? ORDER BY position LIMIT ${PAGE_ROWS}`,
    ),
  );
  if (between === undefined) return;
  let span = PAGE_ROWS;
  let unreadable = 0;
  for (let after = 0; after < highest;) {
    const through = Math.min(after + span, highest);
    const page = attempt(() => between.all(after, through) as StoredDiskRow[]);
    if (page === undefined) {
      if (span === 1) unreadable += 1;
      if (span === 1) after += unreadable < BROKEN_RUN ? 1 : unreadable;
      span = Math.ceil(span / 2);
      continue;
    }
    yield* page;
    unreadable = 0;
    const last = page.at(-1)?.position ?? through;
    after = page.length === PAGE_ROWS ? Math.max(after + 1, last) : through;
    span = page.length === 0 ? span * 2 : Math.min(span * 2, PAGE_ROWS);
  }
}

/** The highest position that anything in the file speaks of. */
export function highestOf(store: Connection): number {
  const ask = (sql: string) => Number(attempt(() => store.prepare(sql).pluck().get()) ?? 0);
  return Math.max(
    ask('SELECT max(position) FROM events'),
    ask(`SELECT seq FROM sqlite_sequence WHERE name = 'events'`),
    ask('SELECT max(through) FROM stream_events'),
  );
}

/** A damaged page can put anything anywhere: only what can have been written is given. */
export function metaOf(store: Connection): ReadonlyMap<string, string> {
  const rows = attempt(() => store.prepare('SELECT key, value FROM meta').raw().all()) ?? [];
  const isWhole = (row: unknown): row is [string, string] =>
    Array.isArray(row) && row.every((column) => typeof column === 'string');
  return new Map(rows.filter(isWhole));
}

/** What a store that may be damaged says of itself: nothing when it cannot be read at all. */
export function metaAt(path: string): ReadonlyMap<string, string> {
  const store = attempt(() => connectTorn(path));
  const meta = store === undefined ? new Map<string, string>() : metaOf(store);
  store?.close();
  return meta;
}

export interface RemovedStream {
  readonly id: number;
  readonly name: string;
  /** Version that it had. */
  readonly removed: number;
}

export function removedStreams(store: Connection): readonly RemovedStream[] {
  const sql = 'SELECT id, name, removed FROM streams WHERE removed IS NOT NULL';
  const rows = (attempt(() => store.prepare(sql).all()) ?? []) as RemovedStream[];
  return rows.filter(
    ({ name, removed }) => typeof name === 'string' && Number.isSafeInteger(removed),
  );
}

/** The result, or undefined when the damaged file does not give it. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
