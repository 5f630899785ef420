import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lifeOf } from './run-directory.ts';

/**
 * Removes a finished run's files unless a shim still holds `life`: one that was slow would find no `fate` any more and
 * start the program after all. `life` goes first, because no shim goes on without it. False when they stay.
 */
export async function removeRun(dir: string): Promise<boolean> {
  if (lifeOf(dir) !== 'dead') return false;
  await rm(join(dir, 'life'), { force: true });
  await rm(dir, { recursive: true, force: true });
  return true;
}
