/** A subscriber as one is written by hand: it remembers the last position it saw and begins again behind it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { PublicEvent } from '../../src/index.ts';

export class Follower {
  readonly events: PublicEvent[] = [];
  /** How often it lost the agent and came back. */
  reconnects = 0;
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #onEvent: (event: PublicEvent) => void;
  #child: ChildProcess | undefined;
  #isEnding = false;
  #done: Promise<void> | undefined;

  constructor(command: string, args: readonly string[], onEvent: (event: PublicEvent) => void) {
    this.#command = command;
    this.#args = args;
    this.#onEvent = onEvent;
  }

  get last(): PublicEvent | undefined {
    return this.events.at(-1);
  }

  start(): void {
    this.#done = this.#follow();
  }

  /** Resolves when an event of this type came, the newest or an earlier one. */
  async seen(type: string, alloc: string | null, limitMs = 20_000): Promise<PublicEvent> {
    const deadline = Date.now() + limitMs;
    while (Date.now() < deadline) {
      const found = this.events.findLast((one) => one.type === type && one.alloc === alloc);
      if (found !== undefined) return found;
      await delay(20);
    }
    throw new Error(`no event ${type} of ${alloc ?? 'the node'} came`);
  }

  /** Resolves when everything up to this position came. */
  async reached(position: number, limitMs = 20_000): Promise<void> {
    const deadline = Date.now() + limitMs;
    while ((this.last?.position ?? 0) < position) {
      if (Date.now() > deadline) throw new Error(`the subscriber never saw position ${position}`);
      await delay(20);
    }
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    this.#child?.kill();
    await this.#done;
  }

  async #follow(): Promise<void> {
    while (!this.#isEnding) {
      const { last } = this;
      const after = last === undefined ? [] : ['--after', `${last.storeId}:${last.position}`];
      const child = spawn(this.#command, [...this.#args, ...after], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      this.#child = child;
      const hasClosed = once(child, 'close');
      for await (const line of createInterface(child.stdout)) this.#take(line);
      await hasClosed;
      if (this.#isEnding) return;
      this.reconnects += 1;
      await delay(50);
    }
  }

  #take(line: string): void {
    const event = JSON.parse(line) as PublicEvent;
    this.events.push(event);
    this.#onEvent(event);
  }
}
