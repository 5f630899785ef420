import { constants as files } from 'node:fs';
import { constants } from 'node:os';
import koffi from 'koffi';
import { HoldfastError, isExhaustion } from '../errors.ts';
import { type ProgramToSpawn, spawnLeader } from './posix-spawn.ts';

/**
 * System calls that Node lacks. Bound once; the symbols are those of the running process, so that the C library
 * needs no name. Every function is synchronous and takes microseconds, `spawnSession` a third of a millisecond.
 */
const libc = koffi.load(null);

const cWaitpid = libc.func('int waitpid(int pid, _Out_ int *status, int options)');
const cMkfifo = libc.func('int mkfifo(const char *path, uint mode)');
const cMemfd = libc.func('int memfd_create(const char *name, uint flags)');
const cDup2 = libc.func('int dup2(int from, int to)');
const cPrctl = libc.func('int prctl(int option, ulong a, ulong b, ulong c, ulong d)');
const cSyscall = libc.func('long syscall(long number, long a, long b, long c)');

const PR_SET_CHILD_SUBREAPER = 36;
const SYS_CLOSE_RANGE = 436;
const CLOSE_RANGE_CLOEXEC = 4;
const MFD_CLOEXEC = 1;
const WNOHANG = 1;

/** Of two names for one number the first: EAGAIN, and not EWOULDBLOCK. */
const NAMES_OF_ERRNO = new Map(
  Object.entries(constants.errno)
    .toReversed()
    .map(([name, number]) => [number, name]),
);

function failure(call: string, errno: number): HoldfastError {
  const name = NAMES_OF_ERRNO.get(errno) ?? `errno ${errno}`;
  const code = isExhaustion(name) ? 'RESOURCES_EXHAUSTED' : 'INTERNAL';
  return new HoldfastError(code, `${call}: ${name}`, { details: { errno: name } });
}

export interface SessionSpawn extends ProgramToSpawn {
  /** A descriptor that becomes fd 0; /dev/null without one. */
  readonly stdin?: number;
  /** One that becomes fd 1 and 2; /dev/null without one. */
  readonly output?: number;
}

const NOTHING_TO_READ = { path: '/dev/null', flags: files.O_RDONLY };
const NOBODY_READS = { path: '/dev/null', flags: files.O_WRONLY };

/**
 * Starts a program as the leader of a session of its own, with every signal at its default, and returns its pid. It is
 * a child of this process: reap it with `reap`. Throws RESOURCES_EXHAUSTED (EAGAIN, ENOMEM …) or INTERNAL; nothing was
 * started then.
 */
export function spawnSession(options: SessionSpawn): number {
  const stdin = options.stdin ?? NOTHING_TO_READ;
  const output = options.output ?? NOBODY_READS;
  const pid = spawnLeader(options, [stdin, output, output]);
  if (pid < 0) throw failure(`posix_spawn ${options.path}`, -pid);
  return pid;
}

/**
 * Counts a child that ended, so that it is no zombie any longer: true when it did end or is no child of ours. Ask for
 * known pids only: waiting for any child would steal those of Node.
 */
export function reap(pid: number): boolean {
  return cWaitpid(pid, [0], WNOHANG) !== 0;
}

/** Makes a FIFO of mode 0600. Throws ALREADY_EXISTS, RESOURCES_EXHAUSTED or INTERNAL. */
export function makeFifo(path: string): void {
  if (cMkfifo(path, 0o600) === 0) return;
  const errno = koffi.errno();
  if (errno === constants.errno.EEXIST) {
    throw new HoldfastError('ALREADY_EXISTS', `${path} exists`);
  }
  throw failure(`mkfifo ${path}`, errno);
}

/** Lets the descriptor `to` of this process be another one for what `from` is, in one step. */
export function duplicateTo(from: number, to: number): void {
  if (cDup2(from, to) < 0) throw failure('dup2', koffi.errno());
}

/** An unnamed file in memory, gone with its last descriptor. Close the descriptor with node:fs. */
export function memoryFile(name: string): number {
  const fd = cMemfd(name, MFD_CLOEXEC) as number;
  if (fd < 0) throw failure('memfd_create', koffi.errno());
  return fd;
}

/**
 * Marks every descriptor above 2 close-on-exec: those that this process inherited would otherwise leak into every
 * program it starts. False where the kernel lacks close_range (before 5.11).
 */
export function closeOnExecAbove2(): boolean {
  return cSyscall(SYS_CLOSE_RANGE, 3, 0x7fffffff, CLOSE_RANGE_CLOEXEC) === 0;
}

/**
 * Makes this process the parent of every descendant that loses its own, however it changed its session. False where
 * the kernel refuses.
 */
export function adoptOrphans(): boolean {
  return cPrctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) === 0;
}
