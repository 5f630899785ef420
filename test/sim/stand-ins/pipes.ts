/** Stands in for `src/os/pipes.ts`, as far as an agent and an executor host look at FIFOs and locks. */
import type { OpenFile } from '../world/disk.ts';
import { theWorld } from '../world/world.ts';

function fileOf(fd: number): OpenFile {
  const file = theWorld().disk.opened(fd);
  if (file === undefined) throw new Error(`fd ${fd} is not open`);
  return file;
}

export function tryLock(fd: number): boolean {
  const world = theWorld();
  world.interruptDead();
  return world.disk.lock(fileOf(fd));
}

export function isLocked(fd: number): boolean {
  if (!tryLock(fd)) return true;
  theWorld().disk.unlock(fileOf(fd));
  return false;
}

/** Of lines: nobody asks for more than whether there are any. */
export function bytesWaiting(fd: number): number {
  return fileOf(fd).inode.fifo?.waiting.length ?? 0;
}
