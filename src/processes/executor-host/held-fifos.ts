import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { taskKey } from '../../os/launch-key.ts';
import { openFifoOrLost } from '../../os/lost-fifo.ts';
import { bytesWaiting, isLocked } from '../../os/pipes.ts';
import type { Intent } from '../../os/run-directory.ts';

/**
 * Keeps the output FIFOs of runs open from their launch until they are forgotten. The kernel throws away what is in a
 * FIFO that nobody holds: a task that ends while its logmon host is being replaced would lose its last words.
 */
export class HeldFifos {
  readonly #held = new Map<string, readonly number[]>();

  /** Best effort: a FIFO that is missing is the launch's to report. */
  hold(launchKey: string, paths: readonly string[]): void {
    if (this.#held.has(launchKey)) return;
    this.#held.set(launchKey, paths.flatMap(openQuietly));
  }

  /** Is there a pump at work on them? It has locked them. Nobody needs one where none are held. */
  areCollected(launchKey: string): boolean {
    return (this.#held.get(launchKey) ?? []).every(isLocked);
  }

  /** Bytes that nobody has taken so far. */
  waitingBytes(launchKey: string): number {
    return (this.#held.get(launchKey) ?? []).reduce((sum, fd) => sum + bytesWaiting(fd), 0);
  }

  release(launchKey: string): void {
    for (const fd of this.#held.get(launchKey) ?? []) closeSync(fd);
    this.#held.delete(launchKey);
  }
}

/** The FIFOs of a run that another host began. */
export function fifosOf(stateDir: string, { allocId, task }: Intent): readonly string[] {
  const stem = join(stateDir, 'fifo', taskKey(allocId, task));
  return [`${stem}.out`, `${stem}.err`];
}

function openQuietly(path: string): number[] {
  try {
    return [openFifoOrLost(path)];
  } catch {
    return [];
  }
}
