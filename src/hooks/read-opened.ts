/** A file of the machine that the operator has opened to groups: read by what is held, and not by its name. */
import { constants } from 'node:fs';
import { open, readlink, type FileHandle } from 'node:fs/promises';
import { errnoOf, type HoldfastError } from '../errors.ts';
import { refused } from './artifacts/faults.ts';
import { isBelowRoots } from './artifacts/local-file.ts';

export interface OpenedWish {
  readonly roots: readonly string[];
  readonly mostBytes: number;
  /** Of a file that is below none of the roots. */
  readonly closed: (real: string) => HoldfastError;
}

/** Of what goes into a text. */
export const LONGEST_INPUT = 1_048_576;

/** A pipe in its place shall hold nobody up. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * The name may lead through links, and somewhere else a moment later. Undefined when nothing is there; one byte more
 * than `mostBytes` when there is more. Errors: `closed`; HOOK_FAILED for what cannot be read.
 */
export async function readOpened(path: string, wish: OpenedWish): Promise<Uint8Array | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, READ);
  } catch (error) {
    const errno = errnoOf(error) ?? 'unknown';
    if (errno === 'ENOENT') return undefined;
    throw refused(`${path} cannot be read: ${errno}`, error);
  }
  try {
    const real = await readlink(`/proc/self/fd/${file.fd}`);
    if (!(await isBelowRoots(real, wish.roots))) throw wish.closed(real);
    const found = await file.stat();
    if (!found.isFile()) throw refused(`${path} is no file`);
    return await readSome(file, wish.mostBytes + 1);
  } finally {
    await file.close();
  }
}

export async function readSome(file: FileHandle, mostBytes: number): Promise<Uint8Array> {
  const room = Buffer.alloc(mostBytes);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(room, length, room.length - length, null);
    length += bytesRead;
    if (bytesRead === 0 || length === room.length) return room.subarray(0, length);
  }
}

/** `name` is for the error. */
export function textOf(name: string, bytes: Uint8Array): string {
  if (bytes.length > LONGEST_INPUT) throw refused(`${name} is over 1 MiB`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refused(`${name} is no UTF-8 text`);
  }
}
