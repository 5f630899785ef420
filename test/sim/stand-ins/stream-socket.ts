/** One end of a pipe or of a terminal as `node:net` and `node:tty` give it to commands beside programs. */
import type { Fifo, OpenFile } from '../world/disk.ts';
import { NATURE } from '../world/processes.ts';
import { theWorld, type World } from '../world/world.ts';

type Listener = (given?: unknown) => void;

export interface StreamOptions {
  readonly fd?: number;
  readonly readable?: boolean;
  readonly onread?: {
    readonly buffer: Buffer;
    readonly callback: (count: number, buffer: Uint8Array) => boolean;
  };
}

interface Waiting {
  readonly text: string;
  readonly done: () => void;
}

export class StreamSocket {
  destroyed = false;
  readonly #world: World;
  readonly #file: OpenFile | undefined;
  readonly #options: StreamOptions;
  readonly #writes: Waiting[] = [];
  #listeners: { event: string; listener: Listener; isOnce: boolean }[] = [];
  #isFlowing = false;
  #isEnding = false;
  #isAwaited = false;

  constructor(fd: number, options: StreamOptions) {
    this.#world = theWorld();
    this.#options = options;
    this.#file = this.#world.disk.opened(fd);
    if (this.#file !== undefined) this.#file.wake = () => this.#look();
    if (this.#writer !== undefined) this.#writer.wake = () => this.#look();
  }

  get #writer(): OpenFile | undefined {
    return this.#options.readable === false ? this.#file : this.#file?.typing;
  }
  get writable(): boolean {
    return !this.destroyed && !this.#isEnding && this.#writer !== undefined;
  }

  /** Something changed: it is noticed a moment later. */
  #look(): void {
    const owner = this.#file?.owner ?? NATURE;
    if (this.#isAwaited || this.destroyed) return;
    this.#isAwaited = true;
    this.#world.scheduler.after(this.#world.latencyMs, owner, 'pipe', () => {
      this.#isAwaited = false;
      this.#flush();
      this.#read();
    });
  }

  #read(): void {
    const { onread } = this.#options;
    const fifo = this.#file?.inode.fifo;
    if (onread === undefined || fifo === undefined || this.destroyed || !this.#isFlowing) return;
    const count = takeFrom(fifo, onread.buffer);
    if (count > 0) {
      this.#world.disk.tellWriters(fifo);
      this.#isFlowing = onread.callback(count, onread.buffer) && this.#isFlowing;
      this.#look();
    } else if (fifo.writers.size === 0) {
      this.#emit('end');
      this.destroy();
    }
  }

  #flush(): void {
    const fifo = this.#writer?.inode.fifo;
    while (fifo !== undefined && !this.destroyed && this.#writes.length > 0) {
      // What is typed into a terminal waits there: whoever holds the master holds the slave too.
      if (fifo.readers.size === 0 && this.#file?.typing === undefined) {
        this.#emit('error', Object.assign(new Error('EPIPE'), { code: 'EPIPE' }));
        return this.destroy();
      }
      if (!hasRoom(fifo)) return;
      const { text, done } = this.#writes.shift() as Waiting;
      fifo.waiting.push(text);
      this.#world.disk.wake(fifo);
      done();
    }
    if (this.#isEnding) this.destroy();
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.#writes.push({ text: Buffer.from(bytes).toString('latin1'), done });
    this.#look();
  }
  end(): void {
    this.#isEnding = true;
    this.#look();
  }
  resume(): void {
    this.#isFlowing = true;
    this.#look();
  }
  pause(): void {
    this.#isFlowing = false;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    const { disk } = this.#world;
    const mine = [this.#file, this.#file?.typing];
    for (const file of mine) {
      if (file === undefined || disk.opened(file.fd) !== file) continue;
      file.wake = undefined;
      disk.close(file);
    }
    this.#emit('close');
  }

  #emit(event: string, given?: unknown): void {
    const heard = this.#listeners.filter((one) => one.event === event);
    this.#listeners = this.#listeners.filter((one) => !(one.event === event && one.isOnce));
    for (const { listener } of heard) listener(given);
  }
  on(event: string, listener: Listener): this {
    this.#listeners.push({ event, listener, isOnce: false });
    return this;
  }
  once(event: string, listener: Listener): this {
    this.#listeners.push({ event, listener, isOnce: true });
    return this;
  }
  off(event: string, listener: Listener): this {
    this.#listeners = this.#listeners.filter(
      (one) => one.event !== event || one.listener !== listener,
    );
    return this;
  }
}

/** As much as fits: bytes are what was written, in order. */
export function takeFrom({ waiting }: Fifo, into: Buffer): number {
  let count = 0;
  for (let text = waiting[0]; text !== undefined && count < into.length; text = waiting[0]) {
    const taken = text.slice(0, into.length - count);
    count += into.write(taken, count, 'latin1');
    if (taken.length === text.length) waiting.shift();
    else waiting[0] = text.slice(taken.length);
  }
  return count;
}

const PIPE_BYTES = 65_536;

export function hasRoom({ waiting }: Fifo): boolean {
  return waiting.reduce((sum, text) => sum + text.length, 0) < PIPE_BYTES;
}
