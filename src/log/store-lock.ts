/**
 * One agent per data directory. The lock is an exclusive transaction on a database file of its own that stays empty:
 * the kernel drops it when the process ends, however it ends, so a lock is never stale. Who holds it stands in a
 * second file, for the message to whoever comes second; nothing is decided by that file.
 */
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { HoldfastError } from '../errors.ts';
import { clearOddPlace } from './odd-place.ts';
import { connect, isDamage, sqliteCode, storeError, type Connection } from './sqlite.ts';

export interface LockHolder {
  readonly pid: number;
  /** Start of the process in clock ticks since boot: with the pid, an identity. Null when the kernel does not say. */
  readonly startTime: string | null;
  /** When the lock was taken, ISO 8601. */
  readonly since: string;
  readonly host: string;
}

export interface StoreLock {
  readonly holder: LockHolder;
  /** May be called again. */
  release(): void;
}

/**
 * Directories locked in this process, by any copy of this package: the kernel's locks belong to a process as a whole,
 * so two copies of the driver would not see each other's.
 */
const lockedHere: Set<string> = ((globalThis as Record<symbol, unknown>)[
  Symbol.for('holdfast.lockedDirectories')
] ??= new Set<string>()) as Set<string>;

/**
 * Takes the lock of a directory, which is made if needed. Errors: STORE_LOCKED with `details.pid` (and the other facts
 * of the holder, when known), STORE_FAILED.
 */
export function lockStore(dir: string, own: { readonly pid: number }): StoreLock {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const place = realpathSync(dir);
  const holderPath = join(place, 'lock.json');
  for (const path of [holderPath, join(place, 'lock')]) clearOddPlace(path);
  if (lockedHere.has(place)) throw lockedError(place, readHolder(holderPath));
  const connection = lockFile(join(place, 'lock'), () =>
    lockedError(place, readHolder(holderPath)),
  );
  const holder: LockHolder = {
    pid: own.pid,
    startTime: startTimeOf(own.pid),
    since: new Date().toISOString(),
    host: hostname(),
  };
  lockedHere.add(place);
  bestEffort(() => writeFileSync(holderPath, `${JSON.stringify(holder)}\n`, { mode: 0o600 }));
  return {
    holder,
    release() {
      if (!connection.open) return;
      bestEffort(() => rmSync(holderPath, { force: true }));
      connection.close();
      lockedHere.delete(place);
    },
  };
}

/** For the file that only says who holds the lock: a full or failing disk must not keep the lock, or keep from it. */
function bestEffort(work: () => void): void {
  try {
    work();
  } catch {
    // Whoever takes the lock next writes it anew.
  }
}

function lockFile(path: string, locked: () => HoldfastError): Connection {
  try {
    return lockExclusively(path);
  } catch (error) {
    if (/^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error) ?? '')) throw locked();
    if (!isDamage(error)) throw storeError(error, `lock ${path}`);
  }
  // Somebody wrote into the file. A holder's lock would have been seen first, so nobody holds it.
  rmSync(path, { force: true });
  return lockFile(path, locked);
}

function lockExclusively(path: string): Connection {
  const connection = connect(path, { busyTimeoutMs: 0 });
  try {
    connection.exec('BEGIN EXCLUSIVE');
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function lockedError(dir: string, holder: LockHolder | undefined): HoldfastError {
  const by = holder === undefined ? 'another agent' : `the agent with pid ${holder.pid}`;
  return new HoldfastError('STORE_LOCKED', `${dir} is in use by ${by}`, {
    details: { dir, ...holder },
  });
}

/** The holder as far as its file tells; undefined when it is missing, half written, or of a process that is gone. */
function readHolder(path: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as LockHolder;
    return existsSync(`/proc/${holder.pid}`) ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** Field 22 of the kernel's line about a process; the name before it is in brackets and may hold anything. */
function startTimeOf(pid: number): string | null {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
