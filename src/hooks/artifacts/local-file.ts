/**
 * A file or a directory of this machine. The agent may read more than the task: what is copied is what the task's user
 * could read himself, or what the operator has opened.
 */
import { constants, type Stats } from 'node:fs';
import { open, readdir, readlink, realpath, stat, type FileHandle } from 'node:fs/promises';
import { createReadStream, createWriteStream } from 'node:fs';
import { join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../../errors.ts';
import { below } from './directories.ts';
import { diskFault, refused } from './faults.ts';
import { Tree, type TreeLimits } from './tree.ts';

export interface LocalWish {
  readonly path: string;
  /** Whoever the task runs as is not the agent's user. */
  readonly isForOthers: boolean;
  readonly roots: readonly string[];
  readonly limits: Omit<TreeLimits, 'packedBytes'>;
  readonly signal: AbortSignal;
}

export interface Local {
  readonly kind: 'file' | 'dir';
  readonly path: string;
  /** Only what is open to everybody may be taken. */
  readonly isChecked: boolean;
}

/** What is there, by its real path. Throws for what the task may not have. */
export async function findLocal({ path, isForOthers, roots }: LocalWish): Promise<Local> {
  let real: string;
  let found: Stats;
  try {
    real = await realpath(path);
    found = await stat(real);
  } catch (error) {
    throw refused(`${path} cannot be read: ${messageOf(error)}`, error);
  }
  if (!found.isFile() && !found.isDirectory()) throw refused(`${path} is no file and no directory`);
  const isOpened = (await realRoots(roots)).some((root) =>
    `${real}${sep}`.startsWith(`${root}${sep}`),
  );
  const isChecked = isForOthers && !isOpened;
  if (isChecked && !(await isForEverybody(real))) {
    const text = `${path} is not open to everybody: the agent may allow it as a root of file artifacts`;
    throw refused(text);
  }
  return { kind: found.isFile() ? 'file' : 'dir', path: real, isChecked };
}

async function realRoots(roots: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(roots.map((root) => realpath(root).catch(() => undefined)));
  return found.flatMap((root) => (root === undefined ? [] : [root === sep ? '' : root]));
}

/** Everybody passes every directory above it, and reads it. */
async function isForEverybody(real: string): Promise<boolean> {
  const names = real.split(sep).slice(1);
  for (let depth = 0; depth < names.length; depth += 1) {
    const above = await stat(`/${names.slice(0, depth).join(sep)}`);
    if ((above.mode & 0o001) === 0) return false;
  }
  const { mode } = await stat(real);
  return (mode & 0o004) !== 0;
}

export async function copyLocal(wish: LocalWish, file: string, to: string): Promise<void> {
  const from = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await from.stat();
    const { maxBytes } = wish.limits;
    if (size > maxBytes) throw refused(`${wish.path} is larger than the ${maxBytes} bytes allowed`);
    const content = createReadStream('', { fd: from.fd, autoClose: false, start: 0 });
    await pipeline(content, createWriteStream(to, { mode: 0o600 }), { signal: wish.signal });
  } catch (error) {
    wish.signal.throwIfAborted();
    throw diskFault(`cannot copy ${wish.path}`, error);
  } finally {
    await from.close();
  }
}

/** In `into`, an empty directory. What the task's user could not read himself is refused, not left out. */
export async function copyLocalTree(
  wish: LocalWish,
  { path, isChecked }: Local,
  into: string,
): Promise<number> {
  const tree = new Tree(into, { ...wish.limits, packedBytes: 0 });
  const top = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await copyBelow(wish, tree, top, '', isChecked);
  } finally {
    await top.close();
  }
  await tree.finish();
  return tree.bytes;
}

async function copyBelow(
  wish: LocalWish,
  tree: Tree,
  dir: FileHandle,
  prefix: string,
  isChecked: boolean,
): Promise<void> {
  for (const entry of await readdir(`/proc/self/fd/${dir.fd}`, { withFileTypes: true })) {
    wish.signal.throwIfAborted();
    const name = join(prefix, entry.name);
    const place = below(dir, entry.name);
    if (entry.isSymbolicLink()) {
      tree.symbolicLink(name, await readlink(place));
      continue;
    }
    if (!entry.isFile() && !entry.isDirectory()) tree.refuse(name, 'device, pipe or socket');
    const handle = await open(place, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { mode } = await handle.stat();
      const needed = entry.isDirectory() ? 0o005 : 0o004;
      if (isChecked && (mode & needed) !== needed)
        throw refused(`"${name}" is not open to everybody`);
      if (entry.isDirectory()) {
        await tree.directory(name);
        await copyBelow(wish, tree, handle, name, isChecked);
      } else {
        const content = createReadStream('', { fd: handle.fd, autoClose: false, start: 0 });
        await tree.file(name, mode, content);
      }
    } finally {
      await handle.close();
    }
  }
}
