/**
 * What the program of a task has seen, by name, as keyed hashes: recorded, so that an agent which comes after one that
 * died tells a change that the program has not been told of from one that it has.
 */
import type { HookDoors } from '../hook.ts';

/** Something else is put in place, and the program may or may not have been told. */
const IN_DOUBT = '';

export class Seen {
  #known: Readonly<Record<string, string>>;
  readonly #doors: Pick<HookDoors, 'note'>;

  constructor(known: Readonly<Record<string, string>>, doors: Pick<HookDoors, 'note'>) {
    this.#known = known;
    this.#doors = doors;
  }

  /** Undefined: nobody has said. In doubt it is no hash. */
  hashOf(name: string): string | undefined {
    return Object.hasOwn(this.#known, name) ? this.#known[name] : undefined;
  }

  /** Before anything is done about it. Recorded when it resolves. */
  async doubt(names: readonly string[]): Promise<void> {
    const fresh = names.filter((name) => this.hashOf(name) !== IN_DOUBT);
    await this.#note(Object.fromEntries(fresh.map((name) => [name, IN_DOUBT])));
  }

  /** The program has been told. */
  async settle(hashes: Readonly<Record<string, string>>): Promise<void> {
    await this.#note(hashes);
  }

  async #note(news: Readonly<Record<string, string>>): Promise<void> {
    if (Object.keys(news).length === 0) return;
    this.#known = { ...this.#known, ...news };
    await this.#doors.note(this.#known);
  }
}
