/** May this data directory be used? The command asks before it starts an agent, and the agent asks again. */
import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { errnoOf, HoldfastError, messageOf } from './errors.ts';
import type { Stats } from 'node:fs';

/** The kernel takes 107 bytes of a socket's path; 100 leaves room for temporary names. */
const SOCKET_PATH_LIMIT_BYTES = 100;
/** Hosts listen deeper than the agent does; the longest of our socket paths decides. */
const LONGEST_SOCKET = '/state/hosts/12345678/sock';
/** The kernel's own: nothing can be made there, and Node's recursive mkdir never returns. */
const KERNEL_DIRECTORIES = ['/proc', '/sys'];
const PATH_LIMIT_BYTES = SOCKET_PATH_LIMIT_BYTES - LONGEST_SOCKET.length;

/**
 * Throws DATA_DIR_REFUSED, with what to do, for a directory that an agent must not or cannot use. One that does not
 * exist yet is fine. Nothing is made or changed.
 */
export function checkDataDirectory(dataDir: string): void {
  const found = checkDataDirectoryPath(dataDir);
  if (found === undefined) return checkParent(resolve(dataDir));
  const uid = process.geteuid?.();
  if (found.uid !== uid) {
    throw refused(
      `the data directory ${dataDir} belongs to user ${found.uid} and you are user ${uid}: choose another one`,
    );
  }
  if ((found.mode & 0o022) !== 0) {
    const mode = (found.mode & 0o7777).toString(8).padStart(4, '0');
    throw refused(
      `others can write the data directory ${dataDir} (mode ${mode}): chmod go-w ${dataDir}`,
    );
  }
  const errno = denied(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  if (errno === 'EROFS') throw readOnly(dataDir, dataDir);
  if (errno !== undefined) {
    throw refused(
      `the data directory ${dataDir} cannot be read and written: chmod u+rwx ${dataDir}`,
    );
  }
}

/**
 * What holds for those who only look for an agent too: a path that is short enough and leads to a directory. Gives
 * what is there, undefined for nothing. Throws DATA_DIR_REFUSED.
 */
export function checkDataDirectoryPath(dataDir: string): Stats | undefined {
  const kernels = KERNEL_DIRECTORIES.find((top) => isWithin(resolve(dataDir), top));
  if (kernels !== undefined) {
    throw refused(
      `${dataDir} is in ${kernels}, where the kernel keeps its own: choose another one`,
    );
  }
  const bytes = Buffer.byteLength(resolve(dataDir));
  if (bytes > PATH_LIMIT_BYTES) {
    throw refused(
      `the path of the data directory is ${bytes} bytes long and at most ${PATH_LIMIT_BYTES} work, ` +
        `because of the sockets below it: choose a shorter one than ${dataDir}`,
    );
  }
  const found = statOf(dataDir);
  if (found?.isDirectory() === false) throw refused(`${dataDir} is not a directory`);
  return found;
}

/** The nearest directory that exists must let us make the rest. */
function checkParent(path: string): void {
  const parent = resolve(path, '..');
  const found = statOf(parent);
  if (found === undefined) return checkParent(parent);
  if (!found.isDirectory()) throw refused(`${parent} is not a directory`);
  const errno = denied(parent, constants.W_OK | constants.X_OK);
  if (errno === 'EROFS') throw readOnly(path, parent);
  if (errno !== undefined) {
    throw refused(`${path} cannot be made: you may not write to ${parent}`);
  }
}

function isWithin(path: string, top: string): boolean {
  return path === top || path.startsWith(`${top}/`);
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return undefined;
    if (errno === 'EACCES') throw refused(`you may not look into the directory that holds ${path}`);
    if (errno === 'ENOTDIR')
      throw refused(`${path} is no path of a directory: a part of it is a file`);
    throw refused(`the data directory ${path} cannot be used: ${messageOf(error)}`);
  }
}

/** What the kernel says against it, undefined when it is allowed. */
function denied(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return errnoOf(error) ?? messageOf(error);
  }
}

function readOnly(dataDir: string, place: string): HoldfastError {
  const text = `the data directory ${dataDir} cannot be written: the file system of ${place} is read-only, ${MOUNT}`;
  // Whoever mounted it read-only may mount it anew.
  return new HoldfastError('DATA_DIR_REFUSED', text, { retryable: true });
}

function refused(message: string): HoldfastError {
  return new HoldfastError('DATA_DIR_REFUSED', message);
}

const MOUNT = 'mount it read-write, or choose another directory';

/** Less than what a store takes that is only opened. */
const NO_ROOM_BYTES = 2 ** 20;

export interface DiskTrouble {
  readonly text: string;
  readonly remedy: string;
}

/** What of the disk would explain that nothing can be written to a directory of it; undefined for nothing. */
export function diskTrouble(dir: string): DiskTrouble | undefined {
  try {
    if (denied(dir, constants.W_OK) === 'EROFS') {
      return { text: `the file system of ${dir} is read-only`, remedy: MOUNT };
    }
    const { bavail, bsize, blocks, files, ffree } = statfsSync(dir);
    const kib = (count: number): string => `${Math.floor((count * bsize) / 1024)} KiB`;
    const isFull = bavail * bsize < NO_ROOM_BYTES;
    if (!isFull && (files === 0 || ffree > 0)) return undefined;
    const free = isFull ? `${kib(bavail)} of ${kib(blocks)} are` : 'no inode is';
    return { text: `${free} free at ${dir}`, remedy: 'make room' };
  } catch {
    return undefined;
  }
}
