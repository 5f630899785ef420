/** Kills the logmon hosts of a machine as often as its agent stands it. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Machine, until } from '../acceptance/rig.ts';

/** An agent replaces so many hosts in so long, and gives up a host that dies more often. */
const PATIENCE = { deaths: 28, withinMs: 63_000 };

/** A rig with more kills than this does better with several machines. */
export const QUICK_KILLS = PATIENCE.deaths;

export class HostKiller {
  readonly #machine: Machine;
  readonly #times: number[] = [];
  #pid = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Resolves when another host lives, and may be killed. */
  async ready(): Promise<void> {
    const recent = this.#times.at(-PATIENCE.deaths);
    if (recent !== undefined) {
      await delay(Math.max(0, recent + PATIENCE.withinMs - performance.now()));
    }
    const killed = this.#pid;
    this.#pid = await until('another host lives', () => {
      const pid = this.#machine.hostPid('logmon');
      return pid !== killed && pid;
    });
  }

  kill(): void {
    process.kill(this.#pid, 'SIGKILL');
    this.#times.push(performance.now());
  }
}
