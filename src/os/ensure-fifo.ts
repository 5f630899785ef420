import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { HoldfastError } from '../errors.ts';
import { makeFifo } from './libc.ts';
import { makeBelow } from './make-below.ts';

/**
 * Made once and shared by all runs of the task: one that is there is ours, as the directory is the agent's own. True
 * when it was missing.
 */
export function ensureFifo(path: string): boolean {
  try {
    makeFifo(path);
    return true;
  } catch (error) {
    if (HoldfastError.is(error, 'ALREADY_EXISTS')) return false;
    if (existsSync(dirname(path))) throw error;
    // Somebody has removed the directory under the agent.
    makeBelow(dirname(dirname(path)), dirname(path));
    makeFifo(path);
    return true;
  }
}
