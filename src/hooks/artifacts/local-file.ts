/**
 * A file or a directory of this machine. The agent may read more than the task: what is copied is what the task's user
 * could read himself, or what the operator has opened.
 */
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { open, readdir, readlink, realpath, stat, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Readable } from 'node:stream';
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
  /** Held: whatever is put in its place from now on. */
  readonly handle: FileHandle;
  readonly kind: 'file' | 'dir';
  /** Only what is open to everybody may be taken. */
  readonly isChecked: boolean;
}

/** A pipe in its place shall hold nobody up. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

/** What is there; the caller closes it. Throws for what the task may not have. */
export async function openLocal(wish: LocalWish): Promise<Local> {
  const { path } = wish;
  const handle = await open(path, READ).catch((error: unknown) => {
    throw refused(`${path} cannot be read: ${messageOf(error)}`, error);
  });
  try {
    return { handle, ...(await looked(wish, handle)) };
  } catch (error) {
    await handle.close();
    throw diskFault(`cannot look at ${path}`, error);
  }
}

/** By what is held and where that is, not by a name which may mean something else by now. */
async function looked(
  { path, isForOthers, roots }: LocalWish,
  handle: FileHandle,
): Promise<Omit<Local, 'handle'>> {
  const found = await handle.stat();
  if (!found.isFile() && !found.isDirectory()) throw refused(`${path} is no file and no directory`);
  const real = await readlink(`/proc/self/fd/${handle.fd}`);
  const isChecked = isForOthers && !(await isBelowRoots(real, roots));
  // What is there differs with who reads it, and its mode does not say so: the agent's memory map is open to everybody.
  if (isChecked && real.startsWith('/proc/')) throw refused(`${path} tells of the agent itself`);
  if (isChecked && ((found.mode & 0o004) === 0 || !(await isReachable(real)))) {
    const what = real === path ? path : `${path}, which leads elsewhere,`;
    const text = `${what} is not open to everybody: the agent may allow it as a root of file artifacts`;
    throw refused(text);
  }
  return { kind: found.isFile() ? 'file' : 'dir', isChecked };
}

/** Has the operator opened this real path? */
export async function isBelowRoots(real: string, roots: readonly string[]): Promise<boolean> {
  return (await realRoots(roots)).some((root) => `${real}${sep}`.startsWith(`${root}${sep}`));
}

async function realRoots(roots: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(roots.map((root) => realpath(root).catch(() => undefined)));
  return found.flatMap((root) => (root === undefined ? [] : [root === sep ? '' : root]));
}

/** Everybody passes every directory above it. */
async function isReachable(real: string): Promise<boolean> {
  const names = real.split(sep).slice(1);
  for (let depth = 0; depth < names.length; depth += 1) {
    const above = await stat(`/${names.slice(0, depth).join(sep)}`);
    if ((above.mode & 0o001) === 0) return false;
  }
  return true;
}

export async function copyLocal(wish: LocalWish, from: FileHandle, to: string): Promise<void> {
  const { maxBytes } = wish.limits;
  const tooLarge = (): Error =>
    refused(`${wish.path} is larger than the ${maxBytes} bytes allowed`);
  const sink = createWriteStream(to, { mode: 0o600 });
  try {
    const { size } = await from.stat();
    if (size > maxBytes) throw tooLarge();
    // One more than may be: it may grow meanwhile.
    await pipeline(contentOf(from, maxBytes), sink, { signal: wish.signal });
    if (sink.bytesWritten > maxBytes) throw tooLarge();
  } catch (error) {
    sink.destroy();
    wish.signal.throwIfAborted();
    throw diskFault(`cannot copy ${wish.path}`, error);
  }
}

function contentOf(handle: FileHandle, end?: number): Readable {
  const options = { fd: handle.fd, autoClose: false, start: 0 };
  return createReadStream('', end === undefined ? options : { ...options, end });
}

/** In `into`, an empty directory. What the task's user could not read himself is refused, not left out. */
export async function copyLocalTree(
  wish: LocalWish,
  { handle, isChecked }: Local,
  into: string,
): Promise<number> {
  const tree = new Tree(into, { ...wish.limits, packedBytes: 0 });
  await copyBelow(wish, tree, handle, '', isChecked);
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
    const handle = await open(place, READ | constants.O_NOFOLLOW);
    try {
      const { mode } = await handle.stat();
      const needed = entry.isDirectory() ? 0o005 : 0o004;
      if (isChecked && (mode & needed) !== needed)
        throw refused(`"${name}" is not open to everybody`);
      if (entry.isDirectory()) {
        await tree.directory(name);
        await copyBelow(wish, tree, handle, name, isChecked);
      } else {
        await tree.file(name, mode, contentOf(handle));
      }
    } finally {
      await handle.close();
    }
  }
}
