/** The log of a process that has it as its stdout and stderr. */
import { closeSync, fstatSync, openSync, renameSync, statSync } from 'node:fs';
import { duplicateTo } from '../os/libc.ts';

/**
 * Begins a new file at `path` when the one that stdout and stderr go to is larger than `mostBytes`, and keeps the one
 * before as `<path>.1`. To be called before a line is written. Does nothing when they go elsewhere, and never throws: a
 * full disk takes the log, not the process.
 */
export function keepBounded(path: string, mostBytes: number): void {
  try {
    const own = fstatSync(2);
    if (!own.isFile() || own.size <= mostBytes) return;
    // Another process may have begun it already.
    if (statSync(path).ino === own.ino) renameSync(path, `${path}.1`);
    const fd = openSync(path, 'a', 0o600);
    for (const stream of [1, 2]) if (fstatSync(stream).ino === own.ino) duplicateTo(fd, stream);
    closeSync(fd);
  } catch {
    // It goes on where it is.
  }
}
