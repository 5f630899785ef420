/**
 * How often a property is tried, and with which chance. The fast suite is the same every time; with FC_RUNS it is tried
 * so often, from FC_SEED if that is set and otherwise from another seed each time, which a failure names.
 */
export function tries(few: number): { readonly numRuns: number; readonly seed?: number } {
  const { FC_RUNS: many, FC_SEED: seed } = process.env;
  if (many === undefined) return { numRuns: few, seed: 42 };
  return { numRuns: Number(many), ...(seed === undefined ? {} : { seed: Number(seed) }) };
}
