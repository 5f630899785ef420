import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../errors.ts';

let written = 0;

/** A name beside `path` that no other write of any process uses. */
function temporaryBeside(path: string): string {
  written += 1;
  return `${path}.${process.pid}.${written}`;
}

function writeWhole(path: string, text: string, durable: boolean): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    if (durable) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes the names in a directory survive a power cut. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Readers see the old text or the new one, never a part. Mode 0600. `durable` survives a power cut as well. */
export function replaceFile(path: string, text: string, options: { durable: boolean }): void {
  const temporary = temporaryBeside(path);
  try {
    writeWhole(temporary, text, options.durable);
    rename(temporary, path);
  } catch (error) {
    removeFile(temporary);
    throw error;
  }
  if (options.durable) syncDirectory(dirname(path));
}

/** Over a directory too, which is moved aside: in the place of a file of ours it is a mistake, and in the way. */
function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'EISDIR') throw error;
    renameSync(to, `${temporaryBeside(to)}.aside`);
    renameSync(from, to);
  }
}

/**
 * Writes `path` if nobody has: true for the one winner. The text is whole before the name appears, since link(2) lets
 * one caller win and O_EXCL alone would leave an empty verdict after a kill between create and write.
 */
export function createOnce(path: string, text: string): boolean {
  const temporary = temporaryBeside(path);
  try {
    writeWhole(temporary, text, true);
    linkSync(temporary, path);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    removeFile(temporary);
  }
  syncDirectory(dirname(path));
  return true;
}

/** Removes a file; a missing one is fine. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** For what only shows the way to somebody who is leaving: a read-only disk keeps it, and nobody is there. */
export function removeFileIfPossible(path: string): void {
  try {
    removeFile(path);
  } catch {
    // Who finds it finds nobody behind it.
  }
}
