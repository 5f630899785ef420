/** A limit that lets bursts through: so many at once, and then one for each interval that passes. */
import type { Clock } from '../ports.ts';

export class TokenBucket {
  readonly #clock: Pick<Clock, 'steady'>;
  readonly #burst: number;
  readonly #everyMs: number;
  #tokens: number;
  #filledAt: number;

  constructor(clock: Pick<Clock, 'steady'>, burst: number, everyMs: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#everyMs = everyMs;
    this.#tokens = burst;
    this.#filledAt = clock.steady();
  }

  /** Is there room for one more? */
  get hasToken(): boolean {
    const now = this.#clock.steady();
    const earned = Math.floor((now - this.#filledAt) / this.#everyMs);
    if (earned > 0) {
      this.#tokens = Math.min(this.#burst, this.#tokens + earned);
      this.#filledAt += earned * this.#everyMs;
    }
    return this.#tokens > 0;
  }

  /** Takes one, if there is one. */
  take(): boolean {
    if (!this.hasToken) return false;
    this.#tokens -= 1;
    return true;
  }
}
