/** What an alloc left on disk besides the files of its runs. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';
import { allocDirsOf, type Layout, taskDirsOf } from '../layout.ts';
import { unmountMemory } from '../os/memory-dir.ts';
import { removeTree } from '../os/remove-tree.ts';

/** Its directories and its output. May be called again. */
export async function removeAllocFiles(layout: Layout, allocId: string): Promise<void> {
  await endMemoryDirs(layout, allocId);
  for (const dir of allocDirsOf(layout, allocId)) await removeTree(dir);
}

/** Tasks end theirs themselves, unless nobody stood by them to the end: then they would keep the tree from going. */
async function endMemoryDirs(layout: Layout, allocId: string): Promise<void> {
  const names = await readdir(join(layout.dataDir, 'allocs', allocId)).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) {
    const { secrets, private: own } = taskDirsOf(layout, allocId, name);
    for (const path of [secrets, own]) unmountMemory(path);
  }
}
