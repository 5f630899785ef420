/**
 * The tables of the store, as steps: step n leads from `user_version` n to n + 1. A step is never changed once
 * released. All steps that are missing run in one transaction, so a kill leaves the old tables or the new ones.
 */
import { HoldfastError } from '../errors.ts';
import { inTransaction, type Connection } from './sqlite.ts';

/** `application_id` of the file, "HOLD" in ASCII: tells our database from anybody else's. */
const APPLICATION_ID = 0x484f4c44;

/**
 * `streams.removed`: version at which the stream's events were removed, null while they are kept; the name stays, so
 * that it is never used again. `events.epoch`: agent epoch of the writer. `events.crc`: see `checksum.ts`.
 * AUTOINCREMENT keeps the highest position ever given, so that none is given twice, whatever is deleted.
 * `stream_events` is the index of `stream-index.ts`, which lags behind `events` on purpose.
 * `snapshots` is a cache: every row of it may be deleted at any time.
 */
const STEPS: readonly string[] = [
  `CREATE TABLE streams (
     id INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     removed INTEGER
   ) STRICT;
   CREATE TABLE events (
     position INTEGER PRIMARY KEY AUTOINCREMENT,
     stream INTEGER NOT NULL REFERENCES streams (id),
     version INTEGER NOT NULL,
     type TEXT NOT NULL,
     schema INTEGER NOT NULL,
     run INTEGER NOT NULL,
     at INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     data TEXT NOT NULL,
     crc INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE stream_events (
     stream INTEGER NOT NULL,
     through INTEGER NOT NULL,
     last INTEGER NOT NULL,
     positions TEXT NOT NULL,
     PRIMARY KEY (stream, through)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE snapshots (
     stream INTEGER PRIMARY KEY REFERENCES streams (id),
     version INTEGER NOT NULL,
     chart TEXT NOT NULL,
     data TEXT NOT NULL
   ) STRICT;`,
];

/** The newest `user_version` that this code reads and writes. */
export const STORE_VERSION = STEPS.length;

/**
 * Looks and changes nothing. Errors: STORE_TOO_NEW when a newer version of this package wrote the file, STORE_CORRUPT
 * when it is a database of another program.
 */
export function refuseForeign(connection: Connection): void {
  const version = numberOf(connection, 'user_version');
  const owner = numberOf(connection, 'application_id');
  const tables = connection.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
  const isUntouched = version === 0 && tables === 0;
  if (owner !== APPLICATION_ID && !isUntouched) {
    throw new HoldfastError('STORE_CORRUPT', 'the file is a database of another program', {
      details: { applicationId: owner, version },
    });
  }
  if (version > STORE_VERSION) {
    throw new HoldfastError(
      'STORE_TOO_NEW',
      `the store has version ${version}; this version of Holdfast reads up to ${STORE_VERSION}`,
      { details: { version, known: STORE_VERSION } },
    );
  }
}

/** Brings the tables to STORE_VERSION, and calls `whenNew` in the same transaction when there were none. */
export function migrate(connection: Connection, whenNew: () => void): void {
  if (numberOf(connection, 'user_version') === STORE_VERSION) return;
  inTransaction(connection, () => {
    // Read again under the write lock: another process may have made the tables in between.
    const version = numberOf(connection, 'user_version');
    for (const step of STEPS.slice(version)) connection.exec(step);
    connection.pragma(`application_id = ${APPLICATION_ID}`);
    connection.pragma(`user_version = ${STORE_VERSION}`);
    if (version === 0) whenNew();
  });
}

function numberOf(connection: Connection, pragma: string): number {
  return Number(connection.pragma(pragma, { simple: true }));
}
