/** The share of the kill matrix that every change has to pass; `npm run crash` plays all of it. */
import { describe, expect, it } from 'vitest';
import { AXES, CI } from './axes.ts';
import { MUTANTS } from './mutants.ts';
import { runProgramme, SURVIVED, tryMutants } from './programme.ts';
import { reportOf } from './report.ts';

const DEADLINE_MS = 600_000;
const shared = { jobs: 3, isKept: false, say: (): void => undefined };

describe('the kill matrix', () => {
  it(
    'comes by every crash point, kills at many, and no promise is broken',
    { timeout: DEADLINE_MS },
    async () => {
      const seed = 1;
      const programme = await runProgramme({
        ...shared,
        seed,
        size: CI,
        axes: AXES,
        isWhole: true,
      });
      const { failures, figures } = reportOf(programme, new Map(), { seed, tookMs: 0 });
      expect(failures).toEqual([]);
      expect(figures['kills landed']).toBeGreaterThanOrEqual(CI.kill.points);
    },
  );

  const quick = ['no-claim', 'no-leftover-kill', 'exit-code-0-for-unknown'];
  it.each(MUTANTS.filter(({ name }) => quick.includes(name)))(
    'notices the mutant $name',
    { timeout: DEADLINE_MS },
    async (mutant) => {
      const verdicts = await tryMutants([mutant], shared);
      expect(verdicts.get(mutant.name)).not.toBe(SURVIVED);
    },
  );
});
