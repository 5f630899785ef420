/**
 * A store as a file, for those who only look: beside a living agent, after one, or moved aside. Nothing is ever written
 * beside it. SQLite makes and changes files beside a database in WAL mode, even for a reader, so only one that somebody
 * has open is read in its place; any other is copied away first.
 */
import { copyFileSync, constants, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';
import { refuseForeign } from './migrations.ts';
import { storeError, type Connection } from './sqlite.ts';
import { StreamIds } from './stream-ids.ts';
import {
  attempt,
  connectTorn,
  highestOf,
  metaOf,
  readableRows,
  type StoredDiskRow,
} from './torn-store.ts';

export interface StoreFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Size of the write-ahead log beside it. */
  readonly walBytes: number;
  /** Number of the shape of its tables; 0 for one that a kill left half made. */
  readonly version: number;
  readonly meta: ReadonlyMap<string, string>;
  /** The highest position that anything in the file speaks of. */
  readonly highest: number;
  readonly connection: Connection;
  /** Undefined when their table cannot be read. */
  readonly streams: StreamIds | undefined;
  /** Every row that can still be read, unchecked, in order. */
  rows(): Iterable<StoredDiskRow>;
  /** From here on rows are read as they are by then: a slow reader must not keep the write-ahead log from shrinking. */
  letGo(): void;
  close(): void;
}

/**
 * Opens a store file for reading. Everything is read as it was at this moment, whatever is appended meanwhile, until it
 * is let go. `isHeld` tells whether another process has it open now.
 * Errors: NOT_FOUND, PERMISSION_DENIED, STORE_CORRUPT (no store, or damaged so much that nothing can be read),
 * STORE_TOO_NEW, STORE_FAILED.
 */
export function openStoreFile(path: string, isHeld: () => boolean): StoreFile {
  const sizeBytes = sizeOf(path);
  let connection: Connection | undefined;
  try {
    connection = isHeld() ? firstLook(path) : copyUnlessOpened(path, isHeld);
    refuseForeign(connection);
    return storeFile(path, sizeBytes, connection);
  } catch (error) {
    connection?.close();
    throw storeError(error, `read ${path}`);
  }
}

function storeFile(path: string, sizeBytes: number, connection: Connection): StoreFile {
  const highest = highestOf(connection);
  return {
    path,
    sizeBytes,
    walBytes: statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0,
    version: Number(connection.pragma('user_version', { simple: true })),
    meta: metaOf(connection),
    highest,
    connection,
    streams: attempt(() => new StreamIds(connection)),
    rows: () => readableRows(connection, highest),
    // The end of a transaction fails in a damaged file, and is the end all the same.
    letGo: () => void attempt(() => connection.exec('ROLLBACK')),
    close: () => void connection.close(),
  };
}

/** All that follows is read in one transaction. */
function firstLook(path: string): Connection {
  const connection = connectTorn(path);
  try {
    connection.exec('BEGIN');
    connection.pragma('schema_version');
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Somebody may open it, and write to it, while it is copied. */
function copyUnlessOpened(path: string, isHeld: () => boolean): Connection {
  const copy = copyOf(path);
  if (!isHeld()) return copy;
  copy.close();
  return firstLook(path);
}

/** The copy is deleted at once and lives on for as long as it is open: a kill leaves nothing behind. */
function copyOf(path: string): Connection {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-store-'));
  try {
    const copy = join(dir, 'log.db');
    for (const suffix of ['', '-wal']) {
      if (existsSync(path + suffix)) {
        copyFileSync(path + suffix, copy + suffix, constants.COPYFILE_FICLONE);
      }
    }
    return firstLook(copy);
  } catch (error) {
    throw errnoOf(error) === 'ENOSPC' ? noRoom(path) : error;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function noRoom(path: string): HoldfastError {
  return new HoldfastError(
    'STORE_FAILED',
    `${tmpdir()} has no room for a copy of ${path}: set TMPDIR to a directory that has`,
  );
}

function sizeOf(path: string): number {
  try {
    const found = statSync(path);
    if (found.isFile()) return found.size;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EACCES')
      throw new HoldfastError('PERMISSION_DENIED', `you may not read ${path}`);
    if (errno === 'ENOENT') throw new HoldfastError('NOT_FOUND', `there is no store at ${path}`);
    throw new HoldfastError('STORE_FAILED', `${path} cannot be read: ${messageOf(error)}`);
  }
  throw new HoldfastError('STORE_CORRUPT', `${path} is not a file`);
}
