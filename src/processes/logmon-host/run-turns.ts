/** Which run the next byte of a stream is of: a FIFO is shared by all runs of a task and says nothing of them. */
export class RunTurns {
  #run: number;
  /** Runs that begin at later bytes, counted like those that have passed, in order. */
  readonly #coming: { readonly from: number; readonly run: number }[] = [];

  constructor(run: number) {
    this.#run = run;
  }

  /** The newest run that was announced. */
  get newest(): number {
    return this.#coming.at(-1)?.run ?? this.#run;
  }

  /** Bytes from `from` on are of `run`, unless that is no newer one. */
  announce(run: number, from: number): void {
    if (run > this.newest) this.#coming.push({ from, run });
  }

  /** The run of the byte behind the `passed` first ones, and how many bytes from there on are of the same. */
  at(passed: number): { readonly run: number; readonly bytes: number } {
    for (let next = this.#coming[0]; next !== undefined && next.from <= passed;) {
      this.#run = next.run;
      this.#coming.shift();
      next = this.#coming[0];
    }
    return { run: this.#run, bytes: (this.#coming[0]?.from ?? Infinity) - passed };
  }
}
