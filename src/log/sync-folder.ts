import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes the names in a directory survive a power cut. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  fsyncSync(folder);
  closeSync(folder);
}
