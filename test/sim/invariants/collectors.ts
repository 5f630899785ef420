/**
 * What collects output.
 *   I25  two hosts never take from one FIFO at the same time
 *   I26  one process at a time starts a logmon host, as long as none stands still
 */
import type { Fifo, OpenFile } from '../world/disk.ts';
import type { Process } from '../world/processes.ts';
import type { World, WorldWatcher } from '../world/world.ts';
import type { Fail } from './invariants.ts';

type Watched = Pick<WorldWatcher, 'onSignal' | 'onPump' | 'onCollectorStart'>;

export class CollectorInvariants implements Watched {
  readonly #world: World;
  readonly #fail: Fail;
  readonly #starting = new Set<Process>();

  constructor(world: World, fail: Fail) {
    this.#world = world;
    this.#fail = fail;
  }

  onSignal(target: Process, signal: string): void {
    if (target.kind === 'logmon host' && signal === 'SIGKILL')
      this.#world.ledger.endedCollectors += 1;
  }

  onPump(collector: Process, fifo: Fifo): void {
    const isAnother = ({ owner, wake }: OpenFile): boolean =>
      owner !== collector && owner.name.startsWith('logmon host') && wake !== undefined;
    const other = [...fifo.readers].find(isAnother);
    if (other !== undefined) {
      this.#fail(`I25: ${collector.name} takes from a FIFO of ${other.owner.name}`);
    }
  }

  /** Somebody who stands still in the middle of it is passed over after a while. */
  onCollectorStart(starter: Process): () => void {
    const { rates } = this.#world.faults;
    const mayStand = ['stopAgent', 'stopExecutor', 'twoAgents'].some((kind) =>
      rates.has(kind as never),
    );
    const other = [...this.#starting].find((one) => !one.isDead);
    if (other !== undefined && !mayStand) {
      this.#fail(`I26: ${starter.name} starts a logmon host while ${other.name} does`);
    }
    this.#starting.add(starter);
    return () => this.#starting.delete(starter);
  }
}
