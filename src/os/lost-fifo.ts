/**
 * FIFOs whose name was removed while a program writes into them. No link can be made to a file that has no name, but
 * whoever may look at a process that holds one can open it again by its descriptor.
 */
import { constants, openSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { errnoOf } from '../errors.ts';
import { linkOf, namesIn } from './quiet-reads.ts';

/**
 * Opens a FIFO for reading and writing, without waiting for anybody; by the descriptor of a process of this user when
 * it has no name any more. Throws what open(2) says of the path.
 */
export function openFifoOrLost(path: string): number {
  const { O_RDWR, O_NONBLOCK, O_NOFOLLOW } = constants;
  try {
    return openSync(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
  } catch (error) {
    const errno = errnoOf(error);
    const held =
      errno === 'ENOENT' || errno === 'ENOTDIR' ? lostFifos().get(nameOf(path)) : undefined;
    if (held === undefined) throw error;
    return openSync(held, O_RDWR | O_NONBLOCK);
  }
}

/** Hundreds of tasks may ask at the same time, and a look takes tens of milliseconds. */
const FRESH_MS = 1_000;
let seen: { readonly at: number; readonly fifos: ReadonlyMap<string, string> } | undefined;

function lostFifos(): ReadonlyMap<string, string> {
  const now = performance.now();
  if (seen === undefined || now - seen.at > FRESH_MS) seen = { at: now, fifos: findLostFifos() };
  return seen.fifos;
}

const DELETED = ' (deleted)';

/** Where each can be opened, by its name. Only processes that see the same files as this one are believed. */
function findLostFifos(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const own = linkOf('/proc/self/ns/mnt');
  for (const pid of namesIn('/proc').filter((name) => /^\d+$/.test(name))) {
    if (!isOfThisUser(pid) || linkOf(`/proc/${pid}/ns/mnt`) !== own) continue;
    for (const fd of namesIn(`/proc/${pid}/fd`)) {
      const place = `/proc/${pid}/fd/${fd}`;
      const link = linkOf(place);
      if (link?.endsWith(DELETED) !== true || !isFifo(place)) continue;
      const name = nameOf(link.slice(0, -DELETED.length));
      const other = found.get(name);
      if (other === undefined || isNewer(place, other)) found.set(name, place);
    }
  }
  return found;
}

/** With its directory alone: the key in it is of one task only, and the data directory may have been moved. */
function nameOf(path: string): string {
  return `${basename(dirname(path))}/${basename(path)}`;
}

function isOfThisUser(pid: string): boolean {
  return statOf(`/proc/${pid}`)?.uid === process.geteuid?.();
}

function isFifo(path: string): boolean {
  return statOf(path)?.isFIFO() === true;
}

/** The names of two were removed: the program writes into the one that was made last. */
function isNewer(path: string, other: string): boolean {
  return (statOf(path)?.birthtimeMs ?? 0) > (statOf(other)?.birthtimeMs ?? 0);
}

function statOf(path: string) {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
