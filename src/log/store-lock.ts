/**
 * One agent per data directory. The lock is an exclusive transaction on a database file of its own that stays empty:
 * the kernel drops it when the process ends, however it ends, so a lock is never stale. Who holds it stands in a
 * second file, for the message to whoever comes second; nothing is decided by that file.
 */
import { mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { HoldfastError } from '../errors.ts';
import { readProcStat } from '../os/process-identity.ts';
import { linkOf, namesIn } from '../os/quiet-reads.ts';
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
  for (const name of ['lock.json', 'lock', 'lock-journal']) clearOddPlace(join(place, name));
  if (lockedHere.has(place)) throw lockedError(place, readHolder(holderPath));
  const connection = lockFile(join(place, 'lock'), () =>
    lockedError(place, readHolder(holderPath)),
  );
  const nameless = namelessHolder(place);
  if (nameless !== undefined) {
    connection.close();
    throw lockedError(place, nameless, ', although somebody removed its lock file');
  }
  const holder: LockHolder = {
    pid: own.pid,
    startTime: startTimeOf(own.pid) ?? null,
    since: new Date().toISOString(),
    host: hostname(),
  };
  lockedHere.add(place);
  bestEffort(() => writeFileSync(holderPath, `${JSON.stringify(holder)}\n`, { mode: 0o600 }));
  return {
    holder,
    release() {
      if (!connection.open) return;
      // Another agent's, when somebody took this one's files away.
      if (readHolder(holderPath)?.pid === own.pid) {
        bestEffort(() => rmSync(holderPath, { force: true }));
      }
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

/**
 * How long somebody else may be on the way to the lock. Two who take it at the same moment each see the other one's
 * first step, and without a second try both would give up.
 */
const CONTENTION_MS = 100;

function lockExclusively(path: string): Connection {
  const connection = connect(path, { busyTimeoutMs: CONTENTION_MS });
  try {
    connection.exec('BEGIN EXCLUSIVE');
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** What the holder wrote of itself; undefined when nothing that is alive did. */
export function lockFacts(dir: string): LockHolder | undefined {
  return readHolder(join(dir, 'lock.json'));
}

/**
 * Who holds a lock on a lock file that was removed since. Told by the file about the holder and by the descriptors of
 * that very process; when somebody removed both files, the epochs in the store fence the first agent off.
 */
export function namelessHolder(dir: string): LockHolder | undefined {
  const holder = lockFacts(dir);
  if (holder === undefined || holder.pid === process.pid) return undefined;
  const fds = `/proc/${holder.pid}/fd`;
  try {
    const lost = `${realpathSync(dir)}/lock (deleted)`;
    return readdirSync(fds).some((fd) => linkOf(join(fds, fd)) === lost) ? holder : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Processes that hold a lock of this directory on a file that is not there any more, although others may have taken it
 * since. Looks at every process that may be looked at: takes milliseconds.
 */
export function strayHolders(dir: string): readonly number[] {
  const lost = `${realpathSync(dir)}/lock (deleted)`;
  return namesIn('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((pid) =>
      namesIn(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === lost),
    )
    .map(Number);
}

function lockedError(dir: string, holder: LockHolder | undefined, although = ''): HoldfastError {
  const by = holder === undefined ? 'another agent' : `the agent with pid ${holder.pid}`;
  return new HoldfastError('STORE_LOCKED', `${dir} is in use by ${by}${although}`, {
    details: { dir, ...holder },
  });
}

/** The holder as far as its file tells; undefined when it is missing, half written, or of a process that is gone. */
function readHolder(path: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as LockHolder;
    const startTime = startTimeOf(holder.pid);
    const isThere = startTime !== undefined && (holder.startTime ?? startTime) === startTime;
    return isThere ? holder : undefined;
  } catch {
    return undefined;
  }
}

function startTimeOf(pid: number): string | undefined {
  const stat = readProcStat(pid);
  return stat === 'unknown' ? undefined : stat?.startTime;
}
