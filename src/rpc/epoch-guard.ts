import { HoldfastError } from '../errors.ts';
import { readInstance } from '../os/instance-record.ts';

/**
 * Fences off an agent that was replaced and does not know it yet: every call names the agent's epoch, and one lower
 * than the highest seen is refused. A host forgets it when it ends; a new host hears the living agent's Hello first.
 */
export class EpochGuard {
  readonly #stateDir: string | undefined;
  #highest = 0;

  constructor(stateDir?: string) {
    this.#stateDir = stateDir;
  }

  /** Throws EPOCH_STALE. */
  check(epoch: number): void {
    if (epoch < this.#highest) {
      throw new HoldfastError('EPOCH_STALE', 'a newer agent has taken over this host', {
        details: { epoch, highest: this.#highest },
      });
    }
    this.#highest = epoch;
  }

  /**
   * The same, before anything is made: a host that a replaced agent started for itself has heard of no other agent, but
   * every agent writes its epoch into the state directory before it calls anybody.
   */
  checkRecorded(epoch: number): void {
    const recorded = this.#stateDir === undefined ? 0 : recordedEpoch(this.#stateDir);
    this.#highest = Math.max(this.#highest, recorded);
    this.check(epoch);
  }
}

/** Of the last agent that took over. 0 when nothing legible is recorded: the calls themselves still tell. */
export function recordedEpoch(stateDir: string): number {
  try {
    return readInstance(stateDir)?.agentEpoch ?? 0;
  } catch {
    return 0;
  }
}
