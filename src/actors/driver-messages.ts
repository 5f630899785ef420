/** How much a driver may say of a task, and how long each of its messages is. */
import { MESSAGES_OF_RUN } from '../machines/holding-decider.ts';
import type { Clock } from '../ports.ts';
import { TokenBucket } from './token-bucket.ts';

export interface DriverWord {
  readonly type: string;
  readonly message: string;
  readonly details: Readonly<Record<string, string>>;
}

const BURST = 16;
const EVERY_MS = 1_000;
const TEXT_CHARS = 1_024;
const WORD_CHARS = 64;
const DETAILS = 16;

/** So many at once, then one a second; of one run never more than its share, the last kept for what was left out. */
export class MessageBudget {
  readonly #bucket: TokenBucket;
  #run = -1;
  #said = 0;
  #omitted = 0;
  #newest = '';

  constructor(clock: Pick<Clock, 'steady'>) {
    this.#bucket = new TokenBucket(clock, BURST, EVERY_MS);
  }

  /** May one more be said of this run? One that may not is counted. */
  takes(run: number): boolean {
    if (run !== this.#run) {
      this.#run = run;
      this.#said = 0;
    }
    const isTaken = this.#said < MESSAGES_OF_RUN - 1 && this.#bucket.take();
    if (isTaken) this.#said += 1;
    else this.#omitted += 1;
    return isTaken;
  }

  /** How many were left out since this was asked last. */
  drain(): number {
    const omitted = this.#omitted;
    this.#omitted = 0;
    return omitted;
  }

  /** Is it something else than what was asked about last? */
  isNews(text: string): boolean {
    const isNews = text !== this.#newest;
    this.#newest = text;
    return isNews;
  }
}

export function shortMessage({ type, message, details }: DriverWord): DriverWord {
  const few = Object.entries(details).slice(0, DETAILS);
  return {
    type: cut(type, WORD_CHARS),
    message: cut(message, TEXT_CHARS),
    details: Object.fromEntries(
      few.map(([key, text]) => [cut(key, WORD_CHARS), cut(text, TEXT_CHARS)]),
    ),
  };
}

function cut(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars - 1)}…`;
}
