import { defineConfig } from 'vitest/config';

/** These put a mock in the place of a module, so they cannot share their modules with others. */
const MOCKED = ['test/actors/orchestrator-*.test.ts', 'test/actors/spec-files.test.ts'];

/**
 * Three speeds by file suffix: `.test.ts` needs nothing and is fast, `.int.test.ts` starts real processes,
 * `.root.test.ts` needs privileges too and says why it skips.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.int.test.ts', 'test/**/*.root.test.ts', ...MOCKED],
          pool: 'threads',
          // One module graph for all files: making it anew for each took two thirds of the time.
          isolate: false,
        },
      },
      {
        test: { name: 'fast-mocked', include: MOCKED, pool: 'threads' },
      },
      {
        test: {
          name: 'int',
          include: ['test/**/*.int.test.ts', 'test/**/*.root.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
