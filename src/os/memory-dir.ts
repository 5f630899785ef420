/**
 * A directory whose files are in memory only: a tmpfs on it, in which nothing can be executed and no device or set-id
 * file means anything. Only root can have one. Every function may be called again.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import { constants as system, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import koffi from 'koffi';
import { HoldfastError, messageOf } from '../errors.ts';

const libc = koffi.load(null);
const cMount = libc.func(
  'int mount(const char *source, const char *target, const char *type, ulong flags, const char *options)',
);
const cUnmount = libc.func('int umount2(const char *target, int flags)');

const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const UMOUNT_NOFOLLOW = 8;
const MNT_DETACH = 2;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** On a directory that is there, unless it is one already. Throws INTERNAL with the system's word. */
export function mountMemory(path: string, sizeBytes: number): void {
  const fd = openSync(path, DIRECTORY);
  try {
    if (isMounted(fd, path)) return;
    // By the descriptor: the name may be a link by now.
    const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    const options = `size=${sizeBytes},mode=0700`;
    if (cMount('holdfast', `/proc/self/fd/${fd}`, 'tmpfs', flags, options) !== 0) {
      throw failure(`mount a tmpfs on ${path}`);
    }
  } finally {
    closeSync(fd);
  }
}

/** With all that is in it. A directory that is none of ours stays, and so does one that is not there. */
export function unmountMemory(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.dev === statSync(dirname(path)).dev) return;
  if (cUnmount(path, UMOUNT_NOFOLLOW | MNT_DETACH) !== 0) throw failure(`unmount ${path}`);
}

function isMounted(fd: number, path: string): boolean {
  return fstatSync(fd).dev !== statSync(dirname(path)).dev;
}

let tried: { readonly why: string | undefined } | undefined;

/** Undefined when this machine lets us; tried once, on a directory of our own. */
export function whyNoMemoryDirs(): string | undefined {
  tried ??= { why: tryOne() };
  return tried.why;
}

function tryOne(): string | undefined {
  if (process.geteuid?.() !== 0) return 'only root may mount';
  const path = mkdtempSync(join(tmpdir(), 'holdfast-'));
  try {
    mountMemory(path, 4_096);
    unmountMemory(path);
    return undefined;
  } catch (error) {
    return messageOf(error);
  } finally {
    rmdirSync(path);
  }
}

function failure(what: string): HoldfastError {
  const errno = koffi.errno();
  const [name = `errno ${errno}`] =
    Object.entries(system.errno).find(([, number]) => number === errno) ?? [];
  return new HoldfastError('INTERNAL', `cannot ${what}: ${name}`, { details: { errno: name } });
}
