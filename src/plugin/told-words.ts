/** What a driver in its own process has to say: kept in order until its agent takes it. */
import { HoldfastError } from '../errors.ts';
import type { AttachResponse } from '../rpc/gen/holdfast/driver/v1/driver.ts';
import { fromJson, toJson, type Word } from './words.ts';

/** A driver that says more than is taken is cut short: words without an answer are left out then. */
const MOST_WAITING = 4_096;

export class ToldWords {
  readonly #waiting: AttachResponse[] = [];
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;
  #wake: () => void = () => undefined;

  /** Nobody answers. */
  tell(word: Word): void {
    if (this.#waiting.length < MOST_WAITING) this.#push(0, word);
  }

  /** Rejects with what the agent says. */
  ask(word: Word): Promise<unknown> {
    this.#lastId += 1;
    const answer = Promise.withResolvers<unknown>();
    this.#asked.set(this.#lastId, answer);
    this.#push(this.#lastId, word);
    return answer.promise;
  }

  answered(id: number, bytes: Uint8Array): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    const { value, error } = fromJson(bytes) as { value?: unknown; error?: ErrorWords };
    if (error === undefined) return asked?.resolve(value);
    const { code, message } = error;
    asked?.reject(new HoldfastError(code as HoldfastError['code'], message));
  }

  /** Until `signal` aborts. */
  async *words(signal: AbortSignal): AsyncGenerator<AttachResponse> {
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    while (!signal.aborted) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #push(id: number, word: Word): void {
    this.#waiting.push({ id, word: toJson(word) });
    this.#wake();
  }
}

interface ErrorWords {
  readonly code: string;
  readonly message: string;
}
