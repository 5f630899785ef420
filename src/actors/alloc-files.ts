/** What an alloc left on disk besides the files of its runs. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Layout } from '../layout.ts';

/** Its directories and its output. May be called again. */
export async function removeAllocFiles(layout: Layout, allocId: string): Promise<void> {
  for (const dir of [join(layout.dataDir, 'allocs'), join(layout.stateDir, 'logs')]) {
    await rm(join(dir, allocId), { recursive: true, force: true });
  }
}
