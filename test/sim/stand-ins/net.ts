/** Stands in for `node:net`, for what the executor host uses it for: hearing of a FIFO, and the pipes of commands. */
import type { OpenFile } from '../world/disk.ts';
import { type StreamOptions, StreamSocket } from './stream-socket.ts';
import { theWorld } from '../world/world.ts';

// What an address is, is the same everywhere.
export { isIP, isIPv4 } from 'node:net';

type Listener = (given?: unknown) => void;

class FifoEar {
  readonly #file: OpenFile | undefined;
  readonly #listeners = new Map<string, Listener[]>();
  #isDestroyed = false;

  constructor({ fd }: { fd: number }) {
    this.#file = theWorld().disk.opened(fd);
    if (this.#file === undefined) return;
    this.#file.wake = () => this.#hear();
    // What was written before is heard, too.
    if ((this.#file.inode.fifo?.waiting.length ?? 0) > 0) this.#hear();
  }

  #hear(): void {
    const file = this.#file;
    if (file === undefined) return;
    const world = theWorld();
    world.scheduler.after(world.latencyMs, file.owner, 'life', () => {
      const { fifo } = file.inode;
      if (this.#isDestroyed || fifo === undefined) return;
      if (fifo.waiting.length > 0) {
        fifo.waiting.length = 0;
        this.#emit('data');
        // The end comes after everything that was written.
        if (fifo.writers.size === 0) this.#hear();
      } else if (fifo.writers.size === 0) {
        this.#emit('end');
      }
    });
  }

  #emit(event: string): void {
    for (const listener of this.#listeners.get(event) ?? []) listener();
  }

  on(event: string, listener: Listener): this {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return this;
  }
  once(event: string, listener: Listener): this {
    let isDone = false;
    return this.on(event, () => {
      if (isDone) return;
      isDone = true;
      listener();
    });
  }
  resume(): void {}

  destroy(): void {
    if (this.#isDestroyed || this.#file === undefined) return;
    this.#isDestroyed = true;
    this.#file.wake = undefined;
    const world = theWorld();
    if (world.disk.opened(this.#file.fd) !== undefined) world.disk.close(this.#file);
  }
}

/** A FIFO is only listened to: what is said in it is read elsewhere. */
export function Socket(options: StreamOptions & { readonly fd: number }): FifoEar | StreamSocket {
  const isStream = options.onread !== undefined || options.readable === false;
  return isStream ? new StreamSocket(options.fd, options) : new FifoEar(options);
}

export function connect(): never {
  throw new Error('nothing connects in the simulation: see framed-client.ts');
}
export function createServer(): never {
  return connect();
}
