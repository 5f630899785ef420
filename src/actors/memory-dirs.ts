/** The directories of tasks whose files are in memory, as far as the operator and the machine let us have them. */
import type { MemoryDoor } from '../hooks/hook.ts';
import { mountMemory, unmountMemory, whyNoMemoryDirs } from '../os/memory-dir.ts';
import { silentLogger, type Logger } from '../ports.ts';

const MEBIBYTE = 1_048_576;

export class MemoryDirs implements MemoryDoor {
  readonly #sizeBytes: number;
  readonly #isOff: boolean;
  readonly #logger: Logger;
  #isTold = false;

  constructor(
    { inMemory = 'auto', sizeMb = 16 }: { inMemory?: 'auto' | 'off'; sizeMb?: number },
    logger: Logger = silentLogger,
  ) {
    this.#isOff = inMemory === 'off';
    this.#sizeBytes = sizeMb * MEBIBYTE;
    this.#logger = logger;
  }

  ensure(path: string): boolean {
    if (this.#isOff) return false;
    const reason = whyNoMemoryDirs();
    if (reason !== undefined) {
      // Of every task it would be noise.
      if (!this.#isTold) this.#logger.warn({ reason }, 'files with secrets are on disk');
      this.#isTold = true;
      return false;
    }
    mountMemory(path, this.#sizeBytes);
    return true;
  }

  release(path: string): void {
    unmountMemory(path);
  }
}
