/**
 * How often a property is tried, and with which chance. The fast suite is the same every time. With FC_RUNS a property
 * that has 100 tries there has FC_RUNS of them, others in proportion, from FC_SEED if that is set and otherwise from
 * another seed each time, which a failure names.
 */
export function tries(few: number): { readonly numRuns: number; readonly seed?: number } {
  const { FC_RUNS: many, FC_SEED: seed } = process.env;
  if (many === undefined) return { numRuns: few, seed: 42 };
  const numRuns = Math.max(1, Math.round((Number(many) * few) / 100));
  return { numRuns, ...(seed === undefined ? {} : { seed: Number(seed) }) };
}
