/**
 * What lies where a file should be and is none: a directory, a FIFO, a link to nothing. Opening some of those never
 * returns, and SQLite gives up on the others, so each is looked at before.
 */
import { lstatSync, renameSync, statSync } from 'node:fs';

/** Something is there, and it is no file, nor a link to one. */
export function isOddPlace(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return false;
  return statSync(path, { throwIfNoEntry: false })?.isFile() !== true;
}

/** Moves it aside, since somebody may want to know what it was. */
export function clearOddPlace(path: string): void {
  if (isOddPlace(path)) renameSync(path, asideOf(path));
}

/** A name beside a path for what is moved away from it. */
export function asideOf(path: string, why: 'damaged' | 'foreign' = 'damaged'): string {
  return `${path}.${why}-${new Date().toISOString().replaceAll(/[-:.]/g, '')}`;
}
