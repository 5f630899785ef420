/** What one turn of a stream has done. */
export interface Turn {
  readonly movedBytes: number;
  /**
   * `more`: the turn was used up, and there is probably more. `dry`: the FIFO was emptied, or what is left in it is
   * the beginning of a line that is waited for. `blocked`: the bytes stay in the FIFO, because they cannot be written.
   */
  readonly end: 'more' | 'dry' | 'blocked';
  /** When a blocked stream wants its next turn; without it, as seems best. */
  readonly retryMs?: number;
}
