/**
 * Histories in which something was wrong once, shrunk to what it needs: they are replayed for ever. One that the seed
 * no longer leads to, because the code or the workload changed, still is a history like any other.
 */
export interface Regression {
  readonly seed: number;
  /** The faults that happen, as `kind#index`. */
  readonly only: readonly string[];
  /** What was wrong. */
  readonly why: string;
}

export const REGRESSIONS: readonly Regression[] = [];
