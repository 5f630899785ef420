/** One measured figure beside what it is to reach and, where there is one, a baseline of the same run. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: string;
  readonly baseline?: { readonly name: string; readonly value: number };
  readonly note?: string;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** `share` in [0, 1]: 0.99 is the 99th percentile. NaN for no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function printFigures(figures: readonly Figure[]): void {
  for (const { name, value, unit, target, baseline, note } of figures) {
    const beside =
      baseline === undefined
        ? ''
        : `  ${baseline.name}: ${rounded(baseline.value)} ${unit} (ratio ${rounded(value / baseline.value)})`;
    const reach = target === undefined ? '' : `  to reach: ${target}`;
    console.log(
      `${name}: ${rounded(value)} ${unit}${beside}${reach}${note === undefined ? '' : `  [${note}]`}`,
    );
  }
}

function rounded(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}
