/** Files of which there is the old text or the new one, whenever the power fails. */
import { closeSync, fsync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const flush = promisify(fsync);

/** Only the flushes leave this thread: everything else takes microseconds. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const unfinished = `${path}.new`;
  try {
    const file = openSync(unfinished, 'w', 0o600);
    await flushed(file, text);
    // crash point: agent.spec.before
    renameSync(unfinished, path);
    // Not every file system keeps a name with the file that bears it.
    await flushed(openSync(dirname(path), 'r'));
    // crash point: agent.spec.saved
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

/** Brings a file or a directory to the disk and closes it. */
async function flushed(fd: number, text = ''): Promise<void> {
  try {
    if (text !== '') writeSync(fd, text);
    await flush(fd);
  } finally {
    closeSync(fd);
  }
}
