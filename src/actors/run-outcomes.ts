/** How runs ended, as far as an agent was told, and who waits for it. */
import type { RunOutcome } from '../drivers/driver.ts';
import { HoldfastError } from '../errors.ts';

export class RunOutcomes {
  readonly #known = new Map<string, RunOutcome>();
  readonly #waiters = new Map<string, Set<(outcome: RunOutcome) => void>>();

  get keys(): readonly string[] {
    return [...this.#known.keys()];
  }

  has(launchKey: string): boolean {
    return this.#known.has(launchKey);
  }

  /** The first end of a run is its end. */
  settle(launchKey: string, outcome: RunOutcome): void {
    if (this.#known.has(launchKey)) return;
    // crash point: agent.end.heard
    this.#known.set(launchKey, outcome);
    for (const wake of this.#waiters.get(launchKey) ?? []) wake(outcome);
    this.#waiters.delete(launchKey);
  }

  forget(launchKey: string): void {
    this.#known.delete(launchKey);
  }

  /** Rejects with ABORTED when `signal` comes first. */
  wait(launchKey: string, signal: AbortSignal): Promise<RunOutcome> {
    const known = this.#known.get(launchKey);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(launchKey) ?? new Set();
      this.#waiters.set(launchKey, waiters);
      waiters.add(resolve);
      const giveUp = (): void => {
        waiters.delete(resolve);
        reject(new HoldfastError('ABORTED', 'nobody waits for the run any more'));
      };
      if (signal.aborted) giveUp();
      else signal.addEventListener('abort', giveUp, { once: true });
    });
  }
}
