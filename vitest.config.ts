import { defineConfig } from 'vitest/config';
import { StallReporter } from './test/stall-reporter.ts';

/** These put a mock in the place of a module, so they cannot share their modules with others. */
const MOCKED = ['test/actors/orchestrator-*.test.ts', 'test/actors/spec-files.test.ts'];

/** Programmes that keep every core busy by themselves. */
const RIGS = 'test/{crash,drivers/drills,executor,faults,groups,logs,sim}/*.{int,root}.test.ts';
const SLOW = 'test/**/*.{int,root}.test.ts';

/**
 * Never threads: a thread that ends closes by number what it opened, also where the number is another's by now,
 * such as the descriptor by which the runner hears from a test process; the runner then waits for ever.
 */
const pool = 'forks';

/** Limits are for what hangs: a machine may be busy with much else. */
const fast = { pool, testTimeout: 30_000, hookTimeout: 30_000 } as const;
const slow = { pool, testTimeout: 60_000, hookTimeout: 60_000 } as const;

/**
 * Three speeds by file suffix: `.test.ts` needs nothing and is fast, `.int.test.ts` starts real processes,
 * `.root.test.ts` needs privileges too and says why it skips.
 */
export default defineConfig({
  test: {
    reporters: ['default', new StallReporter()],
    projects: [
      {
        test: {
          ...fast,
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [SLOW, ...MOCKED],
          // One module graph for all files: making it anew for each took two thirds of the time.
          isolate: false,
        },
      },
      {
        test: { ...fast, name: 'fast-mocked', include: MOCKED },
      },
      {
        test: {
          ...slow,
          name: 'int',
          include: [SLOW],
          exclude: [RIGS],
          // They wait more than they work.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...slow,
          name: 'rigs',
          include: [RIGS],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
