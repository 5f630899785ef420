import { defineConfig } from 'vitest/config';
import { StallReporter } from './test/stall-reporter.ts';

/** These put a mock in the place of a module, so they cannot share their modules with others. */
const MOCKED = ['test/actors/orchestrator-*.test.ts', 'test/actors/spec-files.test.ts'];

/**
 * Never threads: a thread that ends closes by number what it opened, also where the number is another's by now,
 * such as the descriptor by which the runner hears from a test process; the runner then waits for ever.
 */
const pool = 'forks';

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
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.int.test.ts', 'test/**/*.root.test.ts', ...MOCKED],
          pool,
          // One module graph for all files: making it anew for each took two thirds of the time.
          isolate: false,
        },
      },
      {
        test: { name: 'fast-mocked', include: MOCKED, pool },
      },
      {
        test: {
          name: 'int',
          include: ['test/**/*.int.test.ts', 'test/**/*.root.test.ts'],
          pool,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
