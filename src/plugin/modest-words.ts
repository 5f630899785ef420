/** What a driver may say as often as it likes: an agent does no more about it than is due. */
import { TokenBucket } from '../actors/token-bucket.ts';
import type { DriverAgent } from '../drivers/driver-agent.ts';

const LINES = { burst: 64, everyMs: 250 };
const LINE_CHARS = 4_096;
const CHANGED_EVERY_MS = 1_000;

type Level = 'debug' | 'info' | 'warn' | 'error';

export class ModestWords {
  readonly #name: string;
  readonly #agent: DriverAgent;
  readonly #lines: TokenBucket;
  #omitted = 0;
  #isSaid = false;

  constructor(name: string, agent: DriverAgent) {
    this.#name = name;
    this.#agent = agent;
    this.#lines = new TokenBucket(agent.clock, LINES.burst, LINES.everyMs);
  }

  /** A line in the agent's log. How many were left out, the next one tells. */
  log(level: Level, facts: object, message: string): void {
    if (!this.#lines.take()) {
      this.#omitted += 1;
      return;
    }
    const { logger } = this.#agent;
    const omitted = this.#omitted === 0 ? {} : { omitted: this.#omitted };
    this.#omitted = 0;
    const isShort = JSON.stringify(facts).length <= LINE_CHARS;
    const own = { ...(isShort ? facts : { facts: 'too long' }), ...omitted, driver: this.#name };
    logger[level](own, message.slice(0, LINE_CHARS));
  }

  /** The driver is looked at once for everything that it says within a second. */
  changed(): void {
    if (this.#isSaid) return;
    this.#isSaid = true;
    this.#agent.changed();
    setTimeout(() => (this.#isSaid = false), CHANGED_EVERY_MS).unref();
  }
}
