/**
 * The runs that this host was done with. Their directories are removed one day, and a launch that was asked for before,
 * and is served late, would find nothing that says that the run has been. Sessions leave nothing but these facts.
 */
export class Forgotten<Facts = undefined> {
  readonly #facts = new Map<string, Facts | undefined>();

  /** No launch is served so late that this many runs have come and gone. */
  static readonly #LIMIT = 4_096;

  add(key: string, facts?: Facts): void {
    this.#facts.set(key, facts);
    if (this.#facts.size <= Forgotten.#LIMIT) return;
    for (const oldest of this.#facts.keys()) {
      this.#facts.delete(oldest);
      return;
    }
  }

  has(key: string): boolean {
    return this.#facts.has(key);
  }

  of(key: string): Facts | undefined {
    return this.#facts.get(key);
  }
}
