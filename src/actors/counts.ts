/** What is counted while an agent lives: sums with labels, kept in memory, and not more of them than can be read. */
import type { CountView } from '../api.ts';

const MOST = 4_096;
/** Prometheus' rules, so that whoever renders them need not ask. */
const METRIC = /^[A-Za-z_:][A-Za-z0-9_:]*$/;
const LABEL = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LABEL_CHARS = 256;

export class Counts {
  readonly #sums = new Map<string, CountView>();
  #omitted = 0;

  /** A count that no name can be given to, or that would be one too many, is left out, and that is counted. */
  add(metric: string, labels: Readonly<Record<string, string>>, n = 1): void {
    const known = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([metric, known]);
    const sum = this.#sums.get(key);
    const isNamed = METRIC.test(metric) && known.every(isLabel);
    if (!isNamed || !(n >= 0) || (sum === undefined && this.#sums.size >= MOST)) {
      this.#omitted += 1;
      return;
    }
    const value = (sum?.value ?? 0) + n;
    this.#sums.set(key, { metric, labels: sum?.labels ?? Object.fromEntries(known), value });
  }

  /** In the order of their names. */
  get current(): readonly CountView[] {
    const omitted = { metric: 'holdfast_counts_omitted_total', labels: {}, value: this.#omitted };
    const all = [...this.#sums].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
    return this.#omitted === 0 ? all : [...all, omitted];
  }
}

function isLabel([name, text]: readonly [string, string]): boolean {
  return LABEL.test(name) && text.length <= LABEL_CHARS;
}
