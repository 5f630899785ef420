/** Who reads the output of which alloc: as long as anybody does, it is not removed. */
import { HoldfastError } from '../errors.ts';

export class LogReaders {
  readonly #counts = new Map<string, number>();
  readonly #taken = new Set<string>();
  readonly #watchers = new Set<() => void>();

  /** Returns the way to leave. Throws NOT_FOUND for what is being removed. */
  enter(allocId: string): () => void {
    if (this.#taken.has(allocId)) {
      throw new HoldfastError('NOT_FOUND', `alloc ${allocId} is being removed, with its output`);
    }
    this.#counts.set(allocId, this.countOf(allocId) + 1);
    let isIn = true;
    return () => {
      if (isIn) this.#leave(allocId);
      isIn = false;
    };
  }

  #leave(allocId: string): void {
    const left = this.countOf(allocId) - 1;
    if (left > 0) return void this.#counts.set(allocId, left);
    this.#counts.delete(allocId);
    for (const watcher of this.#watchers) watcher();
  }

  countOf(allocId: string): number {
    return this.#counts.get(allocId) ?? 0;
  }

  /** From here on nobody enters. False when somebody reads. */
  take(allocId: string): boolean {
    if (this.#counts.has(allocId)) return false;
    this.#taken.add(allocId);
    return true;
  }
  /** It was not removed after all, or nothing of it is left. */
  giveBack(allocId: string): void {
    this.#taken.delete(allocId);
  }

  /** Calls back when the last reader of an alloc has left; returns the way to stop that. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
