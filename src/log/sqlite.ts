/** The door to SQLite: the one file that imports the driver. */
import Database from 'better-sqlite3';
import { HoldfastError, messageOf } from '../errors.ts';

export type Connection = Database.Database;
export type Prepared = Database.Statement;

/** How long a statement waits, blocking this thread, for another process (an operator's shell) that holds the file. */
const BUSY_TIMEOUT_MS = 5_000;

/** Pages of 4 KiB in the write-ahead log before they are moved into the main file. */
const CHECKPOINT_PAGES = 2_000;
/** The write-ahead log is cut back to this size when it is reused, so that one burst does not keep the disk. */
const JOURNAL_LIMIT_BYTES = 16 * 1024 * 1024;

export interface ConnectOptions {
  /** Never creates or changes the file. */
  readonly isReadonly?: boolean;
  readonly busyTimeoutMs?: number;
}

/** Opens a database file, or makes an empty one. Throws the driver's error; see `storeError`. */
export function connect(path: string, options: ConnectOptions = {}): Connection {
  return new Database(path, {
    readonly: options.isReadonly ?? false,
    timeout: options.busyTimeoutMs ?? BUSY_TIMEOUT_MS,
  });
}

/** SQLite's name for what went wrong (`SQLITE_BUSY`, …), or undefined for an error that is not SQLite's. */
export function sqliteCode(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined;
}

/** The file is no database, or its pages contradict each other: no waiting and no retry will change that. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && /^SQLITE_(CORRUPT|NOTADB)/.test(code);
}

/** What the driver threw as STORE_CORRUPT or STORE_FAILED; errors of ours pass unchanged. */
export function storeError(error: unknown, doing: string): HoldfastError {
  if (HoldfastError.is(error)) return error;
  const sqlite = sqliteCode(error) ?? null;
  const isHeld = sqlite?.startsWith('SQLITE_BUSY') === true;
  return new HoldfastError(
    isDamage(error) ? 'STORE_CORRUPT' : 'STORE_FAILED',
    `${doing}: ${isHeld ? 'another process holds it' : messageOf(error)}`,
    { cause: error, details: { sqlite } },
  );
}

/**
 * A commit is on the disk when it returns, a power cut included. The settings are read back, because a build of SQLite
 * may quietly have another mind about them. Errors: STORE_FAILED.
 */
export function makeDurable(connection: Connection): void {
  const journal = connection.pragma('journal_mode = WAL', { simple: true });
  connection.pragma('synchronous = FULL');
  connection.pragma('foreign_keys = ON');
  connection.pragma('trusted_schema = OFF');
  connection.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  connection.pragma(`journal_size_limit = ${JOURNAL_LIMIT_BYTES}`);
  const synchronous = connection.pragma('synchronous', { simple: true });
  const isFull = synchronous === 2;
  if (journal === 'wal' && isFull) return;
  throw new HoldfastError('STORE_FAILED', 'commits cannot be made durable on this file system', {
    details: { journal, synchronous },
  });
}

/**
 * Moves the write-ahead log into the file and cuts it off, as far as no reader is in the way: it is never waited for,
 * because that would block this thread. Throws the driver's error; every commit is safe then, in the write-ahead log.
 */
export function truncateWal(connection: Connection): void {
  const waitMs = Number(connection.pragma('busy_timeout', { simple: true }));
  connection.pragma('busy_timeout = 0');
  try {
    connection.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    connection.pragma(`busy_timeout = ${waitMs}`);
  }
}

/** Runs `work` in one write transaction: committed when it returns, rolled back when it throws. */
export function inTransaction<T>(connection: Connection, work: () => T): T {
  connection.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    connection.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite rolls some failures back by itself; a second rollback would hide the error that matters.
    if (connection.inTransaction) connection.exec('ROLLBACK');
    throw error;
  }
}
