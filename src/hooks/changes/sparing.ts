/**
 * Tells operators of what goes wrong again and again: each trouble once as long as it is the same, and whatever happens
 * only so much of it, since it stands in the log for ever.
 */

/** At once, and one more for each span of time after that. */
const MOST = 20;
const SPAN_MS = 60_000;

export class Sparing {
  readonly #message: (text: string) => void;
  readonly #now: () => number;
  readonly #said = new Map<string, string>();
  #left = MOST;
  #since: number;

  constructor(message: (text: string) => void, now: () => number = () => performance.now()) {
    this.#message = message;
    this.#now = now;
    this.#since = now();
  }

  /** `about` is who has the trouble. */
  say(about: string, text: string): void {
    if (this.#said.get(about) === text || !this.#mayTell()) return;
    this.#said.set(about, text);
    this.#message(text);
  }

  /** The next trouble of this one is news. */
  isWell(about: string): void {
    this.#said.delete(about);
  }

  #mayTell(): boolean {
    const spans = Math.floor((this.#now() - this.#since) / SPAN_MS);
    this.#since += spans * SPAN_MS;
    this.#left = Math.min(MOST, this.#left + spans);
    if (this.#left === 0) return false;
    this.#left -= 1;
    return true;
  }
}
