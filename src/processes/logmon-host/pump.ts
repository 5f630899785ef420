import { closeSync, readSync, writeSync } from 'node:fs';
import { setImmediate, setTimeout } from 'node:timers/promises';

import { openPipe, ReadinessSet } from '../../os/pipes.ts';
import type { StreamWriter } from './stream-writer.ts';

/**
 * After a turn that moved less than this, bytes are left to gather for a moment: chasing a writer page by page costs
 * ten times the CPU and half the rate.
 */
const SMALL_TURN_BYTES = 32_768;
const GATHER_MS = 1;

/**
 * After a turn that moved as much as this a fast writer is at work, which fills a pipe of 1 MiB in less time than the
 * shortest timer takes. It was locked out during the splice and has written next to nothing yet; looking at once would
 * find a small turn. A sleep of a fraction of a millisecond is a third faster, and too short to keep a call waiting.
 */
const LARGE_TURN_BYTES = 262_144;
const NAP_MS = 0.3;
const nap = new Int32Array(new SharedArrayBuffer(4));

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

/** The key of our own pipe in the set, by which a waiting loop is told to look again. */
const WAKE_KEY = 0;

interface Entry {
  readonly writer: StreamWriter;
  retryMs: number;
  retry?: NodeJS.Timeout;
}

/**
 * Gives every stream that has something its turn, over and over; sleeps in one epoll_wait on a thread of the pool
 * while none has. Runs while it has streams and keeps the process alive so long.
 */
export class Pump {
  readonly #set = new ReadinessSet(256);
  readonly #wake = openPipe();
  readonly #entries = new Map<number, Entry>();
  #nextKey = WAKE_KEY + 1;
  #running: Promise<void> | undefined;

  constructor() {
    this.#set.add(this.#wake.readEnd, WAKE_KEY);
  }

  /** Begins to give the stream its turns; returns the way to stop. Stopping does not close it. */
  add(writer: StreamWriter): () => void {
    const key = this.#nextKey++;
    this.#entries.set(key, { writer, retryMs: FIRST_RETRY_MS });
    // This also wakes a loop that is waiting already.
    this.#set.add(writer.fifo, key);
    this.#running ??= this.#run();
    return () => this.#remove(key);
  }

  /** Resolves when the loop has ended, after the last stream was removed. */
  async close(): Promise<void> {
    await this.#running;
    for (const fd of [this.#set.fd, this.#wake.readEnd, this.#wake.writeEnd]) closeSync(fd);
  }

  #remove(key: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    if (entry.retry === undefined) this.#set.delete(entry.writer.fifo);
    else clearTimeout(entry.retry);
    if (this.#entries.size === 0) writeSync(this.#wake.writeEnd, 'w');
  }

  async #run(): Promise<void> {
    while (this.#entries.size > 0) {
      const ready = this.#set.readyNow();
      if (ready.length === 0) await this.#set.untilReady();
      else await gather(this.#turns(ready));
    }
    this.#running = undefined;
  }

  /** One turn for each of them. Returns how many bytes they moved together. */
  #turns(ready: readonly number[]): number {
    let movedBytes = 0;
    for (const key of ready) {
      if (key === WAKE_KEY) readSync(this.#wake.readEnd, Buffer.alloc(64));
      const entry = this.#entries.get(key);
      if (entry === undefined) continue;
      const turn = entry.writer.turn();
      movedBytes += turn.movedBytes;
      if (turn.end === 'blocked') this.#pause(key, entry, turn.retryMs);
      else entry.retryMs = FIRST_RETRY_MS;
    }
    return movedBytes;
  }

  /** Takes a stream that cannot write out of the set, which would report it again at once, and tries later. */
  #pause(key: number, entry: Entry, retryMs: number = entry.retryMs): void {
    this.#set.delete(entry.writer.fifo);
    entry.retry = globalThis.setTimeout(() => {
      delete entry.retry;
      this.#set.add(entry.writer.fifo, key);
    }, retryMs);
    entry.retryMs = Math.min(entry.retryMs * 2, LAST_RETRY_MS);
  }
}

/** The pause after a turn that moved so many bytes. Everything else in this process runs meanwhile. */
async function gather(movedBytes: number): Promise<void> {
  if (movedBytes < SMALL_TURN_BYTES) return setTimeout(GATHER_MS);
  if (movedBytes >= LARGE_TURN_BYTES) Atomics.wait(nap, 0, 0, NAP_MS);
  return setImmediate();
}
