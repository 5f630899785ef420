/**
 * Which images are ours, and which tasks use them: one of ours that nobody uses any more is removed after a while.
 * An image that was there before a task asked for it is nobody's, and stays.
 */
import type { Clock } from '../../ports.ts';

interface OwnImage {
  readonly users: Set<string>;
  cancel: (() => void) | undefined;
  removal: Promise<void> | undefined;
}

export class ImageUses {
  readonly #own = new Map<string, OwnImage>();
  readonly #remove: (id: string) => Promise<void>;
  readonly #delayMs: number;
  #clock: Clock | undefined;

  /** `remove` throws when it cannot be known that the image is gone: it is tried again after the delay. */
  constructor(remove: (id: string) => Promise<void>, delayMs: number) {
    this.#remove = remove;
    this.#delayMs = delayMs;
  }

  /** From now on images are removed; until then nothing is. */
  begin(clock: Clock): void {
    this.#clock = clock;
    for (const id of this.#own.keys()) this.#schedule(id);
  }

  /** No removal begins any more; what is left is the next agent's, once a task of it uses the image again. */
  end(): void {
    this.#clock = undefined;
    for (const image of this.#own.values()) {
      image.cancel?.();
      image.cancel = undefined;
    }
  }

  /** It was fetched for a task. May be repeated. */
  own(id: string): void {
    if (this.#own.has(id)) return;
    this.#own.set(id, { users: new Set(), cancel: undefined, removal: undefined });
    this.#schedule(id);
  }

  /** False: it is not ours, and not counted. May be repeated: a user counts once. */
  hold(id: string, user: string): boolean {
    const image = this.#own.get(id);
    if (image === undefined) return false;
    image.users.add(user);
    image.cancel?.();
    image.cancel = undefined;
    return true;
  }

  drop(id: string, user: string): void {
    this.#own.get(id)?.users.delete(user);
    this.#schedule(id);
  }

  /** Resolves when no removal of it is under way; true when there was one: look again whether it is there. */
  async settled(id: string): Promise<boolean> {
    const removal = this.#own.get(id)?.removal;
    await removal;
    return removal !== undefined;
  }

  #schedule(id: string): void {
    const image = this.#own.get(id);
    const clock = this.#clock;
    if (image === undefined || clock === undefined || image.users.size > 0) return;
    image.cancel ??= clock.at(clock.steady() + this.#delayMs, () => {
      image.cancel = undefined;
      if (image.users.size > 0 || this.#clock === undefined) return;
      image.removal = this.#removed(id, image);
    });
  }

  async #removed(id: string, image: OwnImage): Promise<void> {
    try {
      await this.#remove(id);
      // Whoever took hold of it meanwhile finds it gone and has it fetched anew.
      if (image.users.size === 0) this.#own.delete(id);
      image.removal = undefined;
    } catch {
      image.removal = undefined;
      this.#schedule(id);
    }
  }
}
