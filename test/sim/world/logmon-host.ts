/** A logmon host as it is seen from outside: it moves lines from FIFOs to files, each once, and tells what it collects. */
import { EpochGuard } from '../../../src/rpc/epoch-guard.ts';
import { HoldfastError } from '../../../src/errors.ts';
import type { Served } from '../stand-ins/channel.ts';
import type { Fifo, OpenFile } from './disk.ts';
import type { Process } from './processes.ts';
import type { World } from './world.ts';

interface Facts {
  readonly stateDir: string;
  readonly hostId: string;
  readonly instanceId: string;
  readonly version: string;
  readonly end: (reason: string) => void;
}

interface Epoched {
  readonly agentEpoch: number;
}
interface Wish extends Epoched {
  readonly taskKey: string;
  readonly stdoutFifo: string;
  readonly stderrFifo: string;
}

interface Collection {
  readonly wish: Wish;
  readonly files: readonly OpenFile[];
}

export class PlayedLogmon {
  readonly #world: World;
  readonly #me: Process;
  readonly #facts: Facts;
  readonly #guard: EpochGuard;
  readonly #tasks = new Map<string, Collection>();

  constructor(world: World, me: Process, facts: Facts) {
    this.#world = world;
    this.#me = me;
    this.#facts = facts;
    this.#guard = new EpochGuard(facts.stateDir);
  }

  busyWith(): number {
    return this.#tasks.size;
  }

  readonly methods: Readonly<Record<string, Served>> = {
    Hello: ({ agentEpoch }: Epoched) => {
      this.#guard.checkRecorded(agentEpoch);
      const { hostId, version } = this.#facts;
      const taskKeys = [...this.#tasks.keys()];
      return { hostId, protocol: 1, version, pid: this.#me.pid, tasks: taskKeys.length, taskKeys };
    },
    Collect: (wish: Wish) => {
      this.#guard.checkRecorded(wish.agentEpoch);
      if (!this.#tasks.has(wish.taskKey)) this.#collect(wish);
      return { way: 1 };
    },
    Release: async ({ agentEpoch, taskKey }: Wish) => {
      this.#guard.check(agentEpoch);
      const found = this.#tasks.get(taskKey);
      if (found === undefined) return {};
      while (this.#move(found)) await this.#pause();
      this.#tasks.delete(taskKey);
      for (const file of found.files) this.#world.disk.close(file);
      return {};
    },
    Shutdown: ({ agentEpoch }: Epoched) => {
      this.#guard.check(agentEpoch);
      const tasks = this.#tasks.size;
      if (tasks === 0) this.#facts.end('shutdown');
      return { tasks };
    },
  };

  #collect(wish: Wish): void {
    const { disk } = this.#world;
    const files = [wish.stdoutFifo, wish.stderrFifo].map((path) => {
      const inode = disk.find(path);
      if (inode?.fifo === undefined) throw new HoldfastError('INTERNAL', `no FIFO ${path}`);
      return disk.open(inode, this.#me, true, false);
    });
    const collection = { wish, files };
    this.#tasks.set(wish.taskKey, collection);
    let isAwake = false;
    const wake = (): void => {
      if (isAwake) return;
      isAwake = true;
      this.#world.scheduler.after(this.#world.latencyMs, this.#me, 'moves output', () => {
        isAwake = false;
        if (this.#move(collection)) wake();
      });
    };
    for (const file of files) file.wake = wake;
    wake();
  }

  #pause(): Promise<void> {
    const { scheduler, latencyMs } = this.#world;
    return new Promise((resolve) => scheduler.after(latencyMs, this.#me, 'moves more', resolve));
  }

  /** One splice: what it moved is in the file, and what it did not is still in the FIFO. False when there was nothing. */
  #move({ wish, files }: Collection): boolean {
    this.#world.interrupt('before splice');
    const { output } = this.#world.ledger;
    let hasMoved = false;
    for (const file of files) {
      const { waiting } = file.inode.fifo as Fifo;
      const moved = waiting.splice(0, 16);
      if (moved.length === 0) continue;
      hasMoved = true;
      output.set(wish.taskKey, [...(output.get(wish.taskKey) ?? []), ...moved]);
    }
    this.#world.interrupt('after splice');
    return hasMoved;
  }
}
