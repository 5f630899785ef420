/**
 * Starts a program on descriptors of the caller's choice, and counts it with its exact status: what a command needs
 * that somebody talks to. Bound beside libc.ts, as only hosts that were asked for such a command use it.
 */
import { constants as files } from 'node:fs';
import { constants } from 'node:os';
import koffi from 'koffi';
import { HoldfastError, isExhaustion } from '../errors.ts';
import { type ProgramToSpawn, spawnLeader } from './posix-spawn.ts';

const libc = koffi.load(null);
const c = {
  waitpid: libc.func('int waitpid(int pid, _Out_ int *status, int options)'),
  pipe2: libc.func('int pipe2(_Out_ int *fds, int flags)'),
  tcgetattr: libc.func('int tcgetattr(int fd, void *termios)'),
  tcsetattr: libc.func('int tcsetattr(int fd, int actions, void *termios)'),
  cfmakeraw: libc.func('void cfmakeraw(void *termios)'),
  fcntl: libc.func('int fcntl(int fd, int command, ...)'),
};

const O_CLOEXEC = 0o2000000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const WNOHANG = 1;
/** Room for the settings of a terminal, whatever the C library: some 60 bytes. */
const TERMIOS_BYTES = 512;

export interface AttachedSpawn extends ProgramToSpawn {
  /** What becomes fd 0, 1, 2 and so on: a descriptor of this process, or the path of a terminal. */
  readonly descriptors: readonly (number | string)[];
}

/**
 * Starts a program as the leader of a session of its own and returns its pid; reap it with `reapStatus`. The kernel
 * makes the first terminal that a session's leader opens its controlling one, so a terminal is given by its path.
 * Throws RESOURCES_EXHAUSTED (EAGAIN, ENOMEM) or INTERNAL; nothing was started then.
 */
export function spawnAttached(options: AttachedSpawn): number {
  const given = options.descriptors.map((from) =>
    typeof from === 'string' ? { path: from, flags: files.O_RDWR } : from,
  );
  const pid = spawnLeader(options, given);
  if (pid < 0) throw failure(`posix_spawn ${options.path}`, -pid);
  return pid;
}

export interface ProcessEnd {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** How a child of this process ended, which counts it; undefined while it lives. Throws INTERNAL for no child. */
export function reapStatus(pid: number): ProcessEnd | undefined {
  const status = [0];
  const counted = c.waitpid(pid, status, WNOHANG) as number;
  if (counted === 0) return undefined;
  if (counted < 0) throw failure(`waitpid ${pid}`, koffi.errno());
  return endOf(status[0] ?? 0);
}

/** As the macros of wait(2) read a status. */
function endOf(status: number): ProcessEnd {
  const number = status & 0x7f;
  if (number === 0) return { exitCode: (status >> 8) & 0xff, signal: null };
  return { exitCode: null, signal: nameOfSignal(number) };
}

function nameOfSignal(number: number): string {
  // SIGABRT and SIGIOT are one number: the first name is the one that is meant.
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found?.[0] ?? `SIG${number}`;
}

export interface PipeEnds {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/** A pipe whose ends block, as programs expect of theirs, and are closed on exec. */
export function openBlockingPipe(): PipeEnds {
  const ends = [0, 0];
  if (c.pipe2(ends, O_CLOEXEC) !== 0) throw failure('pipe2', koffi.errno());
  return { readEnd: ends[0] ?? -1, writeEnd: ends[1] ?? -1 };
}

/** A terminal that passes everything on as it is: no echo, no line, no signal of ^C. */
export function makeRaw(fd: number): void {
  const termios = Buffer.alloc(TERMIOS_BYTES);
  if (c.tcgetattr(fd, termios) !== 0) throw failure('tcgetattr', koffi.errno());
  c.cfmakeraw(termios);
  if (c.tcsetattr(fd, 0, termios) !== 0) throw failure('tcsetattr', koffi.errno());
}

/** For a descriptor that was opened without it: no program started from now on inherits it. */
export function closeOnExec(fd: number): void {
  if (c.fcntl(fd, F_SETFD, 'int', FD_CLOEXEC) !== 0) throw failure('fcntl', koffi.errno());
}

function failure(call: string, errno: number): HoldfastError {
  const name = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0];
  const text = name ?? `errno ${errno}`;
  const code = isExhaustion(text) ? 'RESOURCES_EXHAUSTED' : 'INTERNAL';
  return new HoldfastError(code, `${call}: ${text}`, { details: { errno: text } });
}
