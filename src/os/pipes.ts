/**
 * The system calls for pipes that Node lacks. The ones on the hot path return what the kernel returned, or the
 * negative errno: "nothing there" is an answer, not an exception. The others throw HoldfastError.
 */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

import koffi from 'koffi';

import { HoldfastError } from '../errors.ts';

// The process itself instead of a library by name: libc is called differently by glibc and musl.
const libc = koffi.load(null);
const c = {
  splice: libc.func(
    'long splice(int in, void *inOff, int out, void *outOff, size_t len, uint flags)',
  ),
  tee: libc.func('long tee(int in, int out, size_t len, uint flags)'),
  epollCreate: libc.func('int epoll_create1(int flags)'),
  epollCtl: libc.func('int epoll_ctl(int epfd, int op, int fd, void *event)'),
  epollWait: libc.func('int epoll_wait(int epfd, void *events, int max, int timeoutMs)'),
  pipe2: libc.func('int pipe2(void *fds, int flags)'),
  fcntl: libc.func('int fcntl(int fd, int cmd, ...)'),
  ioctl: libc.func('int ioctl(int fd, ulong request, ...)'),
  flock: libc.func('int flock(int fd, int operation)'),
};

/** The errno values a mover of bytes has to tell apart. */
export const ERRNO = constants.errno;

/** The name of an errno, EDQUOT included, which Node does not know. */
export function errnoName(errno: number): string {
  return Object.entries(ERRNO).find(([, value]) => value === errno)?.[0] ?? String(errno);
}

const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const FIONREAD = 0x541b;
const LOCK_EX_NB = 2 | 4;
const LOCK_UN = 8;
const O_NONBLOCK_CLOEXEC = 0o2004000;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLLIN = 1;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;

// struct epoll_event is packed on x86-64 and nowhere else.
const EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
const EVENT_DATA_AT = process.arch === 'x64' ? 4 : 8;

// One block for all out parameters: every call here is synchronous, so they never overlap.
const scratch = Buffer.allocUnsafeSlow(64);

function failed(call: string): HoldfastError {
  const name = errnoName(koffi.errno());
  return new HoldfastError('INTERNAL', `${call} failed: ${name}`, { details: { errno: name } });
}

/** The count of a call that moves bytes, or the negative errno. */
function countOf(result: number): number {
  return result < 0 ? -koffi.errno() : result;
}

/**
 * Moves up to `bytes` from the pipe `from` to the file `to` at `offset` in one system call, without waiting.
 * Returns the bytes moved, or `-errno`: EAGAIN when the pipe is empty, EINVAL when this file system cannot.
 * `to` must not be open with O_APPEND.
 */
export function spliceToFile(from: number, to: number, offset: number, bytes: number): number {
  scratch.writeBigInt64LE(BigInt(offset), 0);
  return countOf(c.splice(from, null, to, scratch, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
}

/**
 * Moves up to `bytes` from one pipe to another in one system call, without waiting: whatever happens to the caller,
 * each byte is in one of the two. Returns the count or `-errno`.
 */
export function movePipe(from: number, to: number, bytes: number): number {
  return countOf(c.splice(from, null, to, null, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
}

/** Copies up to `bytes` from one pipe to another and leaves them in the first. Returns the count or `-errno`. */
export function teePipe(from: number, to: number, bytes: number): number {
  return countOf(c.tee(from, to, bytes, SPLICE_F_NONBLOCK));
}

export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/** A pipe with both ends non-blocking and closed on exec. */
export function openPipe(): Pipe {
  if (c.pipe2(scratch, O_NONBLOCK_CLOEXEC) !== 0) throw failed('pipe2');
  return { readEnd: scratch.readInt32LE(0), writeEnd: scratch.readInt32LE(4) };
}

/**
 * Asks for a pipe of `bytes`; takes half as often as it is refused, down to `atLeast`. Returns the size the pipe has
 * afterwards. A user's pipes share `fs.pipe-user-pages-soft`, so a refusal is normal and no error.
 */
export function setPipeSize(fd: number, bytes: number, atLeast = 65_536): number {
  for (let wanted = bytes; wanted >= atLeast; wanted /= 2) {
    const got: number = c.fcntl(fd, F_SETPIPE_SZ, 'int', wanted);
    if (got > 0) return got;
  }
  return pipeSize(fd);
}

/** What fits into a pipe, in bytes: less when they are written in odd portions. */
export function pipeSize(fd: number): number {
  return c.fcntl(fd, F_GETPIPE_SZ, 'int', 0);
}

/** How many bytes one user may hold in pipes before each is refused more; `Infinity` when there is no such limit. */
export function pipeBytesPerUser(): number {
  if (process.geteuid?.() === 0) return Infinity;
  const pages = Number(readFileSync('/proc/sys/fs/pipe-user-pages-soft', 'utf8'));
  return pages === 0 ? Infinity : pages * 4096;
}

/** Bytes that wait in a pipe. */
export function bytesWaiting(fd: number): number {
  if (c.ioctl(fd, FIONREAD, 'void *', scratch) !== 0) throw failed('ioctl(FIONREAD)');
  return scratch.readInt32LE(0);
}

/**
 * Takes the exclusive lock of an open file or FIFO without waiting; false when somebody else has it. The lock belongs
 * to this open file and ends with it, also when the process is killed.
 */
export function tryLock(fd: number): boolean {
  if (c.flock(fd, LOCK_EX_NB) === 0) return true;
  if (koffi.errno() === ERRNO.EAGAIN) return false;
  throw failed('flock');
}

/**
 * Has somebody else locked it? Takes the lock itself for an instant to find out: whoever wants it must try more than
 * once. Not for a file that is locked through this very descriptor.
 */
export function isLocked(fd: number): boolean {
  if (!tryLock(fd)) return true;
  if (c.flock(fd, LOCK_UN) !== 0) throw failed('flock');
  return false;
}

/** Waits for many descriptors to become readable (level-triggered). Each carries a number of the caller's choice. */
export class ReadinessSet {
  readonly #fd: number;
  readonly #events: Buffer;
  readonly #maxEvents: number;

  constructor(maxEvents: number) {
    this.#fd = c.epollCreate(EPOLL_CLOEXEC);
    if (this.#fd < 0) throw failed('epoll_create1');
    this.#maxEvents = maxEvents;
    this.#events = Buffer.allocUnsafeSlow(maxEvents * EVENT_BYTES);
  }

  /** The epoll descriptor, for whoever must close it. */
  get fd(): number {
    return this.#fd;
  }

  add(fd: number, key: number): void {
    scratch.writeUInt32LE(EPOLLIN, 0);
    scratch.writeInt32LE(key, EVENT_DATA_AT);
    if (c.epollCtl(this.#fd, EPOLL_CTL_ADD, fd, scratch) !== 0) throw failed('epoll_ctl(ADD)');
  }

  delete(fd: number): void {
    if (c.epollCtl(this.#fd, EPOLL_CTL_DEL, fd, scratch) !== 0) throw failed('epoll_ctl(DEL)');
  }

  /** The keys of those that are readable now, without waiting. */
  readyNow(): number[] {
    const count: number = c.epollWait(this.#fd, this.#events, this.#maxEvents, 0);
    if (count < 0) {
      if (koffi.errno() === ERRNO.EINTR) return [];
      throw failed('epoll_wait');
    }
    const keys: number[] = [];
    for (let i = 0; i < count; i += 1) {
      keys.push(this.#events.readInt32LE(i * EVENT_BYTES + EVENT_DATA_AT));
    }
    return keys;
  }

  /**
   * Resolves when at least one is readable, or for no reason at all: ask `readyNow` afterwards. Holds one thread of
   * the pool and keeps the process alive, so a set always contains something that its owner can make readable.
   */
  async untilReady(): Promise<void> {
    // A buffer of its own: the answer is not used, and `readyNow` may run meanwhile.
    const events = Buffer.allocUnsafeSlow(Math.max(EVENT_BYTES, 128));
    await new Promise<void>((resolve) => {
      c.epollWait.async(this.#fd, events, 1, -1, () => {
        resolve();
      });
    });
  }
}
