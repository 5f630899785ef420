/**
 * Holds up every start while there is a reason to: nothing that runs is touched, and nobody is refused here. A duty
 * that is about to make something new waits until the last reason is gone.
 */
import { HoldfastError } from '../errors.ts';

/**
 * `boot-sweep`: it is not yet known what an earlier agent left; `disk-low`: what is started could not be recorded;
 * `safe-mode`: the agent itself keeps dying.
 */
export type HoldReason = 'boot-sweep' | 'disk-low' | 'safe-mode';

export class StartGate {
  readonly #holds = new Set<HoldReason>();
  readonly #words = new Map<HoldReason, string>();
  readonly #waiting = new Set<() => void>();

  /** Why starts wait now; empty when they do not. */
  get holds(): readonly HoldReason[] {
    return [...this.#holds];
  }

  /** `words` is what an operator should know of it; a later call has newer ones. */
  hold(reason: HoldReason, words = ''): void {
    this.#holds.add(reason);
    this.#words.set(reason, words);
  }

  wordsOf(reason: HoldReason): string {
    return this.#words.get(reason) ?? '';
  }

  release(reason: HoldReason): void {
    this.#holds.delete(reason);
    if (this.#holds.size > 0) return;
    for (const pass of this.#waiting) pass();
    this.#waiting.clear();
  }

  /** Resolves when nothing holds starts up; rejects with ABORTED when `signal` comes first. */
  async passed(signal: AbortSignal): Promise<void> {
    // Another reason may come up before a waiter has its turn.
    while (this.#holds.size > 0) await this.#released(signal);
  }

  #released(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(pass);
        reject(new HoldfastError('ABORTED', 'nobody waits for the start any more'));
      };
      const pass = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      if (signal.aborted) return leave();
      this.#waiting.add(pass);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}
