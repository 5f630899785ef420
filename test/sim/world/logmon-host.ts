/** A logmon host as it is seen from outside: it moves lines from FIFOs to files, each once, and tells what it collects. */
import { EpochGuard } from '../../../src/rpc/epoch-guard.ts';
import { LOGMON_PROTOCOL } from '../../../src/rpc/logmon-methods.ts';
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

const LOCK_PATIENCE_MS = 2_000;
const LOCK_RETRY_MS = 20;

interface Collection {
  readonly wish: Wish;
  readonly files: readonly OpenFile[];
}

export class PlayedLogmon {
  readonly #world: World;
  readonly #me: Process;
  readonly #facts: Facts;
  readonly #guard: EpochGuard;
  readonly #tasks = new Map<string, Promise<Collection>>();

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
      const { pid } = this.#me;
      const tasks = taskKeys.length;
      return { hostId, protocol: LOGMON_PROTOCOL, version, pid, tasks, taskKeys };
    },
    Collect: async (wish: Wish) => {
      this.#guard.checkRecorded(wish.agentEpoch);
      const opened = this.#tasks.get(wish.taskKey) ?? this.#open(wish);
      this.#tasks.set(wish.taskKey, opened);
      opened.catch(() => this.#tasks.delete(wish.taskKey));
      await opened;
      return { way: 1 };
    },
    Release: async ({ agentEpoch, taskKey }: Wish) => {
      this.#guard.check(agentEpoch);
      const found = await this.#tasks.get(taskKey);
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

  /** One FIFO after the other, each with its lock, as `openFifo` does it. */
  async #open(wish: Wish): Promise<Collection> {
    const { disk } = this.#world;
    const files: OpenFile[] = [];
    try {
      for (const path of [wish.stdoutFifo, wish.stderrFifo]) {
        const inode = disk.find(path);
        if (inode?.fifo === undefined) throw new HoldfastError('INTERNAL', `no FIFO ${path}`);
        const file = disk.open(inode, this.#me, true, false);
        files.push(file);
        await this.#lock(file, path);
      }
    } catch (error) {
      for (const file of files) disk.close(file);
      throw error;
    }
    const collection = { wish, files };
    this.#collect(collection);
    return collection;
  }

  async #lock(file: OpenFile, path: string): Promise<void> {
    for (const until = this.#world.nowMs + LOCK_PATIENCE_MS; !this.#world.disk.lock(file);) {
      if (this.#world.nowMs > until) {
        const message = `another logmon collects from ${path}`;
        throw new HoldfastError('WRONG_STATE', message, { retryable: true });
      }
      await this.#pause(LOCK_RETRY_MS);
    }
  }

  #collect(collection: Collection): void {
    let isAwake = false;
    const wake = (): void => {
      if (isAwake) return;
      isAwake = true;
      this.#world.scheduler.after(this.#world.latencyMs, this.#me, 'moves output', () => {
        isAwake = false;
        if (this.#move(collection)) wake();
      });
    };
    for (const file of collection.files) file.wake = wake;
    wake();
  }

  #pause(ms = this.#world.latencyMs): Promise<void> {
    const { scheduler } = this.#world;
    return new Promise((resolve) => scheduler.after(ms, this.#me, 'waits', resolve));
  }

  /** One splice: what it moved is in the file, and what it did not is still in the FIFO. False when there was nothing. */
  #move({ wish, files }: Collection): boolean {
    this.#world.interrupt('before splice');
    const { output } = this.#world.ledger;
    let hasMoved = false;
    for (const file of files) {
      const { waiting } = file.inode.fifo as Fifo;
      this.#world.watcher?.onPump(this.#me, file.inode.fifo as Fifo);
      const moved = waiting.splice(0, 16);
      if (moved.length === 0) continue;
      hasMoved = true;
      output.set(wish.taskKey, [...(output.get(wish.taskKey) ?? []), ...moved]);
    }
    this.#world.interrupt('after splice');
    return hasMoved;
  }
}
