import { HoldfastError } from '../errors.ts';

/**
 * Fences off an agent that was replaced and does not know it yet: every call names the agent's epoch, and one lower
 * than the highest seen is refused. A host forgets it when it ends; a new host hears the living agent's Hello first.
 */
export class EpochGuard {
  #highest = 0;

  /** Throws EPOCH_STALE. */
  check(epoch: number): void {
    if (epoch < this.#highest) {
      throw new HoldfastError('EPOCH_STALE', 'a newer agent has taken over this host', {
        details: { epoch, highest: this.#highest },
      });
    }
    this.#highest = epoch;
  }
}
