import { constants } from 'node:os';
import koffi from 'koffi';
import { HoldfastError } from '../errors.ts';

/**
 * System calls that Node lacks. Bound once; the symbols are those of the running process, so that the C library
 * needs no name. Every function is synchronous and takes microseconds, `spawnSession` a third of a millisecond.
 */
const libc = koffi.load(null);

const posixSpawn = libc.func(
  'int posix_spawn(_Out_ int *pid, const char *path, void *actions, void *attributes, const char **argv, const char **envp)',
);
const cWaitpid = libc.func('int waitpid(int pid, _Out_ int *status, int options)');
const cMkfifo = libc.func('int mkfifo(const char *path, uint mode)');
const cMemfd = libc.func('int memfd_create(const char *name, uint flags)');
const cPrctl = libc.func('int prctl(int option, ulong a, ulong b, ulong c, ulong d)');
const cSyscall = libc.func('long syscall(long number, long a, long b, long c)');
const initAttributes = libc.func('int posix_spawnattr_init(void *attributes)');
const setFlags = libc.func('int posix_spawnattr_setflags(void *attributes, short flags)');
const setDefaults = libc.func('int posix_spawnattr_setsigdefault(void *attributes, void *signals)');
const setMask = libc.func('int posix_spawnattr_setsigmask(void *attributes, void *signals)');
const initActions = libc.func('int posix_spawn_file_actions_init(void *actions)');
const freeActions = libc.func('int posix_spawn_file_actions_destroy(void *actions)');
const addDup = libc.func('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)');
const addOpen = libc.func(
  'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint mode)',
);

const PR_SET_CHILD_SUBREAPER = 36;
const SYS_CLOSE_RANGE = 436;
const CLOSE_RANGE_CLOEXEC = 4;
const MFD_CLOEXEC = 1;
const WNOHANG = 1;
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
/** Room for the opaque structures of glibc and musl, the largest of which has 336 bytes. */
const OPAQUE_BYTES = 512;

const NAMES_OF_ERRNO = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

function failure(call: string, errno: number, retryable = false): HoldfastError {
  const name = NAMES_OF_ERRNO.get(errno) ?? `errno ${errno}`;
  const code = name === 'EAGAIN' || name === 'ENOMEM' ? 'RESOURCES_EXHAUSTED' : 'INTERNAL';
  return new HoldfastError(code, `${call}: ${name}`, { details: { errno: name }, retryable });
}

function newAttributes(): Buffer {
  const attributes = Buffer.alloc(OPAQUE_BYTES);
  initAttributes(attributes);
  setFlags(attributes, SETSID | SETSIGDEF | SETSIGMASK);
  // Every signal gets its default action back (Node ignores SIGPIPE) and none is blocked.
  setDefaults(attributes, Buffer.alloc(128, 0xff));
  setMask(attributes, Buffer.alloc(128));
  return attributes;
}

let sessionAttributes: Buffer | undefined;

export interface SessionSpawn {
  /** Absolute path of the program. */
  readonly path: string;
  /** With the name of the program first. */
  readonly argv: readonly string[];
  /** `NAME=value`; the whole environment. */
  readonly environment: readonly string[];
  /** A descriptor that becomes fd 0; /dev/null without one. Fds 1 and 2 are always /dev/null. */
  readonly stdin?: number;
}

/**
 * Starts a program as the leader of a session of its own, with every signal at its default, and returns its pid. It is
 * a child of this process: reap it with `reap`. CLONE_VFORK copies no page tables, so a large parent is not stalled.
 * Throws RESOURCES_EXHAUSTED (EAGAIN, ENOMEM) or INTERNAL; nothing was started then.
 */
export function spawnSession(options: SessionSpawn): number {
  sessionAttributes ??= newAttributes();
  const actions = Buffer.alloc(OPAQUE_BYTES);
  initActions(actions);
  try {
    if (options.stdin === undefined) addOpen(actions, 0, '/dev/null', 0, 0);
    else addDup(actions, options.stdin, 0);
    addOpen(actions, 1, '/dev/null', 1, 0);
    addOpen(actions, 2, '/dev/null', 1, 0);
    const pid = [0];
    const { path, argv, environment } = options;
    const errno = posixSpawn(
      pid,
      path,
      actions,
      sessionAttributes,
      [...argv, null],
      [...environment, null],
    ) as number;
    if (errno !== 0) throw failure(`posix_spawn ${path}`, errno);
    return pid[0] ?? 0;
  } finally {
    freeActions(actions);
  }
}

/**
 * Counts a child that ended, so that it is no zombie any longer: true when it did end or is no child of ours. Ask for
 * known pids only: waiting for any child would steal those of Node.
 */
export function reap(pid: number): boolean {
  return cWaitpid(pid, [0], WNOHANG) !== 0;
}

/** Makes a FIFO of mode 0600. Throws ALREADY_EXISTS or INTERNAL. */
export function makeFifo(path: string): void {
  if (cMkfifo(path, 0o600) === 0) return;
  const errno = koffi.errno();
  if (errno === constants.errno.EEXIST) {
    throw new HoldfastError('ALREADY_EXISTS', `${path} exists`);
  }
  throw failure(`mkfifo ${path}`, errno);
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
