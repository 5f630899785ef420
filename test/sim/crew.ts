/** Several threads that simulate side by side; each order goes to whoever is free. */
import { Worker } from 'node:worker_threads';
import type { Patch } from '../patch.ts';
import type { ThreadOrder, ThreadReport } from './thread.ts';

export class Crew implements Disposable {
  readonly #free: Worker[] = [];
  readonly #all: Worker[] = [];
  readonly #waiting: ((worker: Worker) => void)[] = [];

  constructor(size: number, patches: readonly Patch[] = []) {
    for (let count = 0; count < size; count += 1) {
      const worker = new Worker(new URL('./thread.ts', import.meta.url), {
        workerData: { patches },
      });
      this.#all.push(worker);
      this.#free.push(worker);
    }
  }

  async simulate(order: ThreadOrder): Promise<ThreadReport> {
    const worker = await this.#whoIsFree();
    try {
      return await new Promise<ThreadReport>((resolve, reject) => {
        const settle = (report: ThreadReport): void => {
          worker.off('error', reject);
          resolve(report);
        };
        worker.once('message', settle);
        worker.once('error', reject);
        worker.postMessage(order, []);
      });
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(worker);
      else next(worker);
    }
  }

  #whoIsFree(): Promise<Worker> {
    const free = this.#free.pop();
    if (free !== undefined) return Promise.resolve(free);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  [Symbol.dispose](): void {
    for (const worker of this.#all) void worker.terminate();
  }
}
