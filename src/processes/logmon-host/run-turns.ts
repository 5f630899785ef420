/** Which run the next byte of a stream is of: a FIFO is shared by all runs of a task and says nothing of them. */
export class RunTurns {
  /** Of the byte behind those that have passed. */
  run: number;
  /** So many bytes have passed when the next run begins. Plain fields: they are read for every move. */
  nextFrom = Infinity;
  /** Runs that begin at later bytes, in order. */
  readonly #coming: { readonly from: number; readonly run: number }[] = [];

  constructor(run: number) {
    this.run = run;
  }

  /** The newest run that was announced. */
  get newest(): number {
    return this.#coming.at(-1)?.run ?? this.run;
  }

  /** Bytes behind the first `from` are of `run`, which is newer than all before. */
  announce(run: number, from: number): void {
    this.#coming.push({ from, run });
    this.nextFrom = this.#coming[0]?.from ?? Infinity;
  }

  /** To be called when `passed` has come to `nextFrom`. */
  advance(passed: number): void {
    for (let next = this.#coming[0]; next !== undefined && next.from <= passed;) {
      this.run = next.run;
      this.#coming.shift();
      next = this.#coming[0];
    }
    this.nextFrom = this.#coming[0]?.from ?? Infinity;
  }
}
