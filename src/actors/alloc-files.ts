/** What an alloc left on disk besides the files of its runs. */
import { allocDirsOf, type Layout } from '../layout.ts';
import { removeTree } from '../os/remove-tree.ts';

/** Its directories and its output. May be called again. */
export async function removeAllocFiles(layout: Layout, allocId: string): Promise<void> {
  for (const dir of allocDirsOf(layout, allocId)) await removeTree(dir);
}
