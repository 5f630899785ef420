/** An agent of the simulated machine: the real orchestrator in a process that may die, stand still or come twice. */
import type { Orchestrator } from '../../src/api.ts';
import { rawExec } from '../../src/drivers/raw-exec.ts';
import { HoldfastError, messageOf } from '../../src/errors.ts';
import { defineHook, type Hook } from '../../src/hooks/hook.ts';
import { openOrchestrator } from '../../src/orchestrator.ts';
import type { Logger } from '../../src/ports.ts';
import * as globals from './stand-ins/globals.ts';
import type { Process } from './world/processes.ts';
import type { World } from './world/world.ts';

export const DATA_DIR = '/sim';

type OnReady = (orchestrator: Orchestrator) => void;

export class Agent {
  readonly process: Process;
  readonly #world: World;
  readonly #onReady: OnReady;
  orchestrator: Orchestrator | undefined;

  /** Undefined where no process can be started. */
  static start(world: World, onReady: OnReady): Agent | undefined {
    const process = world.spawn({ kind: 'agent', leads: true });
    return process === undefined ? undefined : new Agent(world, process, onReady);
  }

  private constructor(world: World, process: Process, onReady: OnReady) {
    this.#world = world;
    this.process = process;
    this.#onReady = onReady;
    world.scheduler.after(0, process, 'main', () => void this.#open());
  }

  get isAlive(): boolean {
    return !this.process.isDead;
  }

  async #open(): Promise<void> {
    const world = this.#world;
    try {
      const orchestrator = await openOrchestrator({
        dataDir: DATA_DIR,
        drivers: [rawExec()],
        hooks: [troublesomeHook(world)],
        logger: loggerOf(world),
        onClose: 'leave',
        // What the rig knows to be durable does not go away.
        retention: { maxDiskPercent: 100, maxInodePercent: 100 },
        random: {
          fraction: () => world.identities.fraction(),
          hex: (bytes) => world.identities.hex(bytes),
        },
      });
      world.note(`is ready at epoch ${orchestrator.recovery.agentEpoch}`);
      this.orchestrator = orchestrator;
      this.#onReady(orchestrator);
      const failed = await orchestrator.ended;
      this.#end(failed === undefined ? 'closed' : messageOf(failed));
    } catch (error) {
      this.#end(messageOf(error));
    }
  }

  #end(why: string): void {
    if (this.process.isDead) return;
    this.orchestrator = undefined;
    this.#world.kill(this.process, `main ends: ${why}`);
  }

  /** Does something as the agent's own process, as a call over its socket would. */
  do(label: string, work: (orchestrator: Orchestrator) => void): void {
    this.#world.scheduler.after(0, this.process, label, () => {
      if (this.orchestrator !== undefined) work(this.orchestrator);
    });
  }
}

function loggerOf(world: World): Logger {
  const write =
    (level: string) =>
    (facts: object, message = ''): void => {
      if (world.trace !== undefined) world.note(`${level}: ${message} ${JSON.stringify(facts)}`);
    };
  return { debug() {}, info: write('info'), warn: write('warn'), error: write('error') };
}

/** A hook that takes its time, fails, and remembers what it gave. */
function troublesomeHook(world: World): Hook {
  const trouble = async (phase: string): Promise<void> => {
    if (world.faults.strike('hookSlow', phase)) {
      const delayMs = world.chance.pick([30, 2_000, 40_000]);
      await new Promise<void>((resolve) => globals.setTimeout(resolve, delayMs));
    }
    if (world.faults.strike('hookFails', phase)) {
      const retryable = world.chance.isHit(0.7);
      throw new HoldfastError('HOOK_FAILED', `${phase} was to fail`, { retryable });
    }
  };
  return defineHook({
    name: 'troublesome',
    async prestart({ previous, run }) {
      await trouble('prestart');
      const times = Number(previous['times'] ?? 0) + 1;
      return {
        env: { TIMES: String(times) },
        state: { times: String(times) },
        isDone: run % 2 === 1,
      };
    },
    start: () => trouble('start'),
    prekill: () => trouble('prekill'),
    exited: () => trouble('exited'),
    cleanup: () => trouble('cleanup'),
  });
}
