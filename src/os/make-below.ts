import { existsSync, mkdirSync } from 'node:fs';
import { HoldfastError } from '../errors.ts';

/**
 * Makes a directory, and what is missing on the way to it, below one that must be there: a data directory that was
 * moved away must not begin anew in its old place. Throws UNAVAILABLE when that one is gone, and what the system says.
 */
export function makeBelow(top: string, path: string): void {
  if (!existsSync(top)) {
    throw new HoldfastError(
      'UNAVAILABLE',
      `${top} was removed or moved away: nothing is made there`,
    );
  }
  mkdirSync(path, { recursive: true, mode: 0o700 });
}
