/**
 * From the place where only the agent comes to the directories of the task: given to its user first, then moved in by
 * rename, so that nobody sees half a file, and nothing is written through a link that the task has made.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, copyFile, lchown, lstat, open, readdir } from 'node:fs/promises';
import { readlink, rename, rm, symlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { below, enter, type Owner } from './directories.ts';
import { diskFault, refused } from './faults.ts';

/** Everything below `path`, itself included, gets the owner; no link is followed. */
export async function giveTo(owner: Owner, path: string): Promise<void> {
  if ((await lstat(path)).isDirectory()) {
    for (const name of await readdir(path)) await giveTo(owner, join(path, name));
  }
  await lchown(path, owner.uid, owner.gid);
}

/**
 * Moves the entries of the directory `from` into `into`, which the caller holds. Directories that are there already are
 * filled, files and links are replaced. May be repeated: what was moved is gone from `from`.
 */
export async function mergeInto(
  from: string,
  into: FileHandle,
  owner: Owner | undefined,
): Promise<void> {
  for (const name of await readdir(from)) await moveInto(join(from, name), into, name, owner);
}

/** Moves one file, link or directory to a name in `into`. */
export async function moveInto(
  from: string,
  into: FileHandle,
  name: string,
  owner: Owner | undefined,
): Promise<void> {
  const entry = await lstat(from);
  try {
    if (!entry.isDirectory()) return await moveFile(from, into, name);
    const isFree = (await lstat(below(into, name)).catch(absent)) === undefined;
    if (isFree && (await isRenamed(from, below(into, name)))) return;
  } catch (error) {
    const isTaken = ['EISDIR', 'ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '');
    if (isTaken) throw refused(`in its destination, "${name}" is a directory`, error);
    throw diskFault(`cannot put "${name}" in its place`, error);
  }
  const dir = await enter(into, name, owner);
  try {
    await mergeInto(from, dir, owner);
  } finally {
    await dir.close();
  }
}

/** On another file system, such as the one for secrets, it is written beside its name first. */
async function moveFile(from: string, into: FileHandle, name: string): Promise<void> {
  if (await isRenamed(from, below(into, name))) return;
  const { uid, gid, mode } = await lstat(from);
  const beside = below(into, `.${randomUUID()}`);
  try {
    const target = await readlink(from).catch(() => undefined);
    if (target !== undefined) await symlink(target, beside);
    else {
      await copyFile(from, beside, constants.COPYFILE_EXCL);
      await chmod(beside, mode & 0o777);
    }
    await lchown(beside, uid, gid);
    await rename(beside, below(into, name));
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** False when it is on another file system. */
async function isRenamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EXDEV') return false;
    throw error;
  }
}

/** What is to be moved outlives a power cut before it is said to be there. */
export async function settleFile(path: string): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  await file.sync().finally(() => file.close());
}

/** File by file: to let the whole file system settle would be to wait for what everybody else has written. */
export async function settleTree(path: string): Promise<void> {
  const files: string[] = [];
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() || entry.isDirectory()) files.push(join(entry.parentPath, entry.name));
  }
  const work = async (): Promise<void> => {
    for (let next = files.pop(); next !== undefined; next = files.pop()) await settleFile(next);
  };
  await Promise.all(Array.from({ length: SETTLING_AT_A_TIME }, work));
}

const SETTLING_AT_A_TIME = 16;

function absent(error: unknown): undefined {
  if (errnoOf(error) === 'ENOENT') return undefined;
  throw error;
}
