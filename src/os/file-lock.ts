import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { errnoOf, HoldfastError } from '../errors.ts';

const F_GETLK = 5;
const F_WRLCK = 1;
const F_UNLCK = 2;
/** `struct flock` where addresses have 64 bits: type and whence, start, length, pid. */
const FLOCK_BYTES = 32;
const PID_OFFSET = 24;

const cFcntl = koffi.load(null).func('int fcntl(int fd, int command, void *lock)');

/**
 * A process that holds a lock on a file, shared or not: its pid, 0 for one of another pid namespace, undefined when
 * nobody does or the file is missing. Asks and takes no lock itself, not for a moment. Not for a file on which this
 * very process holds a lock: closing any descriptor of it would drop that. Throws INTERNAL.
 */
export function lockHolder(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const lock = Buffer.alloc(FLOCK_BYTES);
    lock.writeInt16LE(F_WRLCK, 0);
    if (cFcntl(fd, F_GETLK, lock) !== 0) throw new HoldfastError('INTERNAL', `fcntl ${path}`);
    return lock.readInt16LE(0) === F_UNLCK ? undefined : lock.readInt32LE(PID_OFFSET);
  } finally {
    closeSync(fd);
  }
}
