/**
 * One file of a task, put into its directories by the agent: whole or not at all, and through no link that the task
 * may have made.
 */
import { constants } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { errnoOf } from '../errors.ts';
import { below, openBelow, type Owner } from './artifacts/directories.ts';
import { diskFault, refused } from './artifacts/faults.ts';

export interface FileToPlace {
  /** A directory that only the agent can put in its place. */
  readonly root: string;
  /** At least one; the last is the name. */
  readonly steps: readonly string[];
  readonly content: string | Uint8Array;
  readonly mode: number;
  /** Left out: the agent's user. */
  readonly owner: Owner | undefined;
}

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** What is missing of the way is made. Errors: HOOK_FAILED, retryable for a disk without room. */
export async function placeFile(wish: FileToPlace): Promise<void> {
  const { root, steps, owner } = wish;
  const name = steps.at(-1) ?? '';
  const dir = await openBelow(root, steps.slice(0, -1), owner);
  // The same each time: what a dead agent left half written does not pile up.
  const beside = below(dir, `.${name}.new`);
  try {
    await rm(beside, { force: true });
    await writeNew(await open(beside, NEW, 0o600), wish);
    // crash point: agent.file.written
    await rename(beside, below(dir, name));
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined);
    if (errnoOf(error) === 'EISDIR') throw refused(`${steps.join('/')} is a directory`, error);
    throw diskFault(`cannot write ${steps.join('/')}`, error);
  } finally {
    await dir.close();
  }
}

async function writeNew(
  file: FileHandle,
  { content, mode, owner }: Pick<FileToPlace, 'content' | 'mode' | 'owner'>,
): Promise<void> {
  try {
    await file.writeFile(content);
    if (owner !== undefined) await file.chown(owner.uid, owner.gid);
    await file.chmod(mode);
  } finally {
    await file.close();
  }
}

/** A file that is not there is fine, and so is a way to it that is no more. */
export async function removePlaced({
  root,
  steps,
}: Pick<FileToPlace, 'root' | 'steps'>): Promise<void> {
  let dir: FileHandle | undefined;
  try {
    dir = await openBelow(root, steps.slice(0, -1), undefined);
    await rm(below(dir, steps.at(-1) ?? ''), { force: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw diskFault(`cannot remove ${steps.join('/')}`, error);
  } finally {
    await dir?.close();
  }
}
