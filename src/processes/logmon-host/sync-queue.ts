import { closeSync, fdatasync } from 'node:fs';

import { HoldfastError } from '../../errors.ts';

interface Job {
  readonly fd: number;
  readonly close: boolean;
  readonly done: (error?: unknown) => void;
}

/**
 * Brings files to the disk, one at a time and off the main thread: a synchronous fdatasync costs a fast stream a fifth
 * of its rate, and several at once would take the threads that wait for FIFOs and serve calls.
 */
export class SyncQueue {
  readonly #jobs: Job[] = [];
  #running = false;

  /** Resolves when what was written to `fd` is on disk. Rejects with what fdatasync said. */
  sync(fd: number): Promise<void> {
    return this.#add(fd, false);
  }

  /** The same, and closes `fd` afterwards in any case. */
  syncAndClose(fd: number): Promise<void> {
    return this.#add(fd, true);
  }

  /** Closes `fd` without bringing it to disk, if its turn has not come: its file was removed meanwhile. */
  forget(fd: number): void {
    const index = this.#jobs.findIndex((job) => job.close && job.fd === fd);
    if (index < 0) return;
    const [job] = this.#jobs.splice(index, 1);
    closeSync(fd);
    job?.done();
  }

  #add(fd: number, close: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: unknown): void => {
        if (error === undefined) resolve();
        else reject(HoldfastError.from(error));
      };
      this.#jobs.push({ fd, close, done });
      if (!this.#running) this.#next();
    });
  }

  #next(): void {
    const job = this.#jobs.shift();
    this.#running = job !== undefined;
    if (job === undefined) return;
    fdatasync(job.fd, (error) => {
      if (job.close) closeSync(job.fd);
      job.done(error ?? undefined);
      this.#next();
    });
  }
}
