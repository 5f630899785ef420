/**
 * Somebody who follows the events over the lives of many agents, from the last position seen.
 *   I8  every committed event, once, in order, and nothing that is not committed
 */
import type { Orchestrator } from '../../../src/api.ts';
import type { World } from '../world/world.ts';
import type { Fail } from './invariants.ts';

export class Subscriber {
  readonly #world: World;
  readonly #fail: Fail;
  seen = 0;

  constructor(world: World, fail: Fail) {
    this.#world = world;
    this.#fail = fail;
  }

  /** In the agent's process; ends with it. */
  async follow(orchestrator: Orchestrator): Promise<void> {
    for await (const { position, type } of orchestrator.events({ after: this.seen })) {
      if (position !== this.seen + 1) {
        this.#fail(`I8: a subscriber got ${position} after ${this.seen}`);
      }
      const row = this.#world.store.rows[position - 1];
      if (row?.type !== type) {
        this.#fail(`I8: a subscriber got ${type} at ${position}, where ${row?.type} is durable`);
      }
      this.seen = position;
    }
  }
}
