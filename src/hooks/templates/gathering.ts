/** Gathers changes until there are no more for a while: what changes together is looked at together. */
import { setTimeout as delay } from 'node:timers/promises';
import type { WaitRule } from '../../spec/template-spec.ts';
import type { Input } from './inputs.ts';

interface Heard {
  readonly firstAt: number;
  lastAt: number;
}

export class Gathering {
  readonly #heard = new Map<Input, Heard>();
  #news = Promise.withResolvers<void>();

  /** What may have changed once more does not put off what is heard already. */
  hear(input: Input, isNews: boolean): void {
    const now = performance.now();
    const known = this.#heard.get(input);
    if (known === undefined) this.#heard.set(input, { firstAt: now, lastAt: now });
    else if (isNews) known.lastAt = now;
    else return;
    this.#news.resolve();
  }

  /**
   * When something has changed and everything that has is quiet, or has been waited for long enough; after `mostMs` in
   * any case.
   */
  async settled(
    waitOf: (input: Input) => WaitRule,
    signal: AbortSignal,
    mostMs = Infinity,
  ): Promise<void> {
    const giveUpAt = performance.now() + mostMs;
    for (;;) {
      const dueAt = [...this.#heard].map(([input, { firstAt, lastAt }]) => {
        const { minMs, maxMs } = waitOf(input);
        return Math.min(lastAt + minMs, firstAt + maxMs);
      });
      const quietAt = dueAt.length === 0 ? Infinity : Math.max(...dueAt);
      const leftMs = Math.min(quietAt, giveUpAt) - performance.now();
      if (leftMs <= 0) return;
      await this.#newsWithin(leftMs === Infinity ? undefined : leftMs, signal);
    }
  }

  async #newsWithin(mostMs: number | undefined, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const enough = new AbortController();
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    try {
      const options = { signal: enough.signal, ref: false };
      const late = mostMs === undefined ? [] : [delay(mostMs, undefined, options).catch(() => {})];
      await Promise.race([this.#news.promise, aborted.promise, ...late]);
      this.#news = Promise.withResolvers<void>();
    } finally {
      enough.abort();
      signal.removeEventListener('abort', abort);
    }
  }
}
