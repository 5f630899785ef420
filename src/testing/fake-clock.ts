/** A clock that stands still until a test moves it. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../ports.ts';
import { durationMs } from '../spec/duration.ts';

interface Alarm {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Turns of the event loop that everything woken gets before time goes on. */
const TURNS = 3;

export class FakeClock implements Clock {
  #nowMs: number;
  readonly #alarms = new Set<Alarm>();

  /** Milliseconds since the epoch; the default is a Monday morning in 2026. */
  constructor(nowMs: number = Date.UTC(2026, 8, 21, 6)) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }
  steady(): number {
    return this.#nowMs;
  }

  at(atMs: number, wake: () => void): () => void {
    const alarm = { atMs, wake };
    this.#alarms.add(alarm);
    if (atMs <= this.#nowMs) setImmediate(() => this.#ring(alarm));
    return () => this.#alarms.delete(alarm);
  }

  /** How many callbacks wait for their time. */
  get waiting(): number {
    return this.#alarms.size;
  }

  /** Moves on by `'15s'` or by milliseconds, rings everything due in its order, and lets what was woken do its work. */
  async advance(by: string | number): Promise<void> {
    const byMs = typeof by === 'string' ? durationMs(by) : by;
    if (!(byMs >= 0)) throw new RangeError(`a clock cannot be moved by ${by}`);
    const endMs = this.#nowMs + byMs;
    await settle();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#ring(next);
      await settle();
    }
    this.#nowMs = endMs;
  }

  #next(endMs: number): Alarm | undefined {
    let next: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.atMs <= endMs && (next === undefined || alarm.atMs < next.atMs)) next = alarm;
    }
    return next;
  }

  #ring(alarm: Alarm): void {
    if (this.#alarms.delete(alarm)) alarm.wake();
  }
}

async function settle(): Promise<void> {
  for (let count = 0; count < TURNS; count += 1) await turn();
}
