/** Removes a directory that somebody else filled, whatever he put there: any depth, any names, any modes. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, open, readdir, rename, rm, rmdir, unlink, type FileHandle } from 'node:fs/promises';
import { errnoOf } from '../errors.ts';

/** Directories that are open at a time; what lies deeper is moved up. */
const MOST_STEPS = 32;

/** `path` may be missing, and the call may be repeated. Throws the system's error for what cannot be removed. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    // It knows a directory by its whole path, of which the kernel takes 4095 bytes, and gives up at closed ones. What
    // it has begun with goes on: whatever is gone by the time that it is looked at is as it should be.
    await removeByStep(path);
  }
}

/** Every directory is held by a descriptor: no path is long, and no link leads anywhere. */
async function removeByStep(path: string): Promise<void> {
  const top = await unlessGone(openDirectory(bytesOf(Buffer.from(path).toString('latin1'))));
  if (top === undefined) return;
  try {
    do await empty(top, top, MOST_STEPS);
    while ((await namesIn(top)).length > 0);
  } finally {
    await top.close();
  }
  await unlessGone(rmdir(path));
}

/** Of `steps` directories below `dir` everything goes; what is in the last one is moved into `top`. */
async function empty(top: FileHandle, dir: FileHandle, steps: number): Promise<void> {
  for (const name of await namesIn(dir)) {
    const path = below(dir, name);
    if (await isUnlinked(path)) continue;
    if (steps === 0) {
      await unlessGone(rename(path, below(top, randomUUID())));
      continue;
    }
    const child = await unlessGone(openDirectory(path));
    if (child === undefined) continue;
    try {
      await empty(top, child, steps - 1);
    } finally {
      await child.close();
    }
    await unlessGone(rmdir(path));
  }
}

async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** False for a directory. */
async function isUnlinked(path: Buffer): Promise<boolean> {
  try {
    await unlessGone(unlink(path));
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EISDIR') return false;
    throw error;
  }
}

async function openDirectory(path: Buffer): Promise<FileHandle> {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  // Root passes every mode. Anybody else owns what his own tasks closed, and has to open it again.
  if (process.geteuid?.() === 0) return open(path, flags);
  await chmod(path, 0o700).catch(() => undefined);
  return open(path, flags);
}

/** Latin-1 keeps every byte of a name that is no text. */
function namesIn(dir: FileHandle): Promise<string[]> {
  return readdir(`/proc/self/fd/${dir.fd}`, { encoding: 'latin1' });
}

function below(dir: FileHandle, name: string): Buffer {
  return bytesOf(`/proc/self/fd/${dir.fd}/${name}`);
}

function bytesOf(latin1: string): Buffer {
  return Buffer.from(latin1, 'latin1');
}
