/**
 * Directories that a task may have made, held by descriptors: every step is looked at before the next one is taken, and
 * no link is followed, whatever is put in its place meanwhile.
 */
import { constants } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { errnoOf } from '../../errors.ts';
import { diskFault, refused } from './faults.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** A name in a directory that is held. */
export function below(dir: FileHandle, name: string): string {
  return `/proc/self/fd/${dir.fd}/${name}`;
}

/** The directory `steps` below `root`; what is missing is made for `owner`. The caller closes it. */
export async function openBelow(
  root: string,
  steps: readonly string[],
  owner: Owner | undefined,
): Promise<FileHandle> {
  let dir = await open(root, DIRECTORY);
  for (const step of steps) {
    const next = await enter(dir, step, owner).finally(() => dir.close());
    dir = next;
  }
  return dir;
}

/** One step. Throws when there is something else than a directory. */
export async function enter(
  dir: FileHandle,
  name: string,
  owner: Owner | undefined,
): Promise<FileHandle> {
  const isNew = await isMade(below(dir, name));
  const next = await openDirectory(dir, name);
  if (!isNew) return next;
  try {
    // The agent's umask is not the task's.
    await next.chmod(0o755);
    if (owner !== undefined) await next.chown(owner.uid, owner.gid);
  } catch (error) {
    await next.close();
    throw diskFault(`cannot make the directory "${name}"`, error);
  }
  return next;
}

async function openDirectory(dir: FileHandle, name: string): Promise<FileHandle> {
  try {
    return await open(below(dir, name), DIRECTORY);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (!['ENOTDIR', 'ELOOP'].includes(errno)) {
      throw diskFault(`cannot open the directory "${name}"`, error);
    }
    throw refused(`in its destination, "${name}" is a file or a link, and no directory`, error);
  }
}

async function isMade(path: string): Promise<boolean> {
  try {
    await mkdir(path, 0o755);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw diskFault('cannot make a directory', error);
  }
}
