/**
 * The runs that this host was done with. Their directories are removed one day, and a launch that was asked for before,
 * and is served late, would find nothing that says that the run has been. Sessions leave nothing at all.
 */
export class Forgotten {
  readonly #keys = new Set<string>();

  /** No launch is served so late that this many runs have come and gone. */
  static readonly #LIMIT = 4_096;

  add(launchKey: string): void {
    this.#keys.add(launchKey);
    if (this.#keys.size <= Forgotten.#LIMIT) return;
    for (const oldest of this.#keys) {
      this.#keys.delete(oldest);
      return;
    }
  }

  has(launchKey: string): boolean {
    return this.#keys.has(launchKey);
  }
}
