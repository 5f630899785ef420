import { defineConfig } from 'vitest/config';

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
          exclude: ['test/**/*.int.test.ts', 'test/**/*.root.test.ts'],
          pool: 'threads',
        },
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
