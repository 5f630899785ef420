/** What an agent has counted on behalf of drivers. */

export interface CountView {
  /** As Prometheus names them; units last, sums end in `_total`. */
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface CountCalls {
  /** In the order of their names. Counts begin at nothing with each agent. */
  counts(): Promise<readonly CountView[]>;
}
