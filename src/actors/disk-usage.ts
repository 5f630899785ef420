/** How full the file system of a directory is, as `df` says it: room that is kept for root counts as used by nobody. */
import { statfs } from 'node:fs/promises';
import type { DiskUsage } from './retention-rules.ts';

export async function diskUsage(dir: string): Promise<DiskUsage> {
  const { blocks, bfree, bavail, files, ffree } = await statfs(dir);
  const used = blocks - bfree;
  return {
    diskPercent: percent(used, used + bavail),
    // Where inodes are made as they are needed there are none to count.
    inodePercent: percent(files - ffree, files),
  };
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : (part / whole) * 100;
}
