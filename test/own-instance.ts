/** Whose programs those of this test process are: another one may have runs with the same keys at the same time. */
export const INSTANCE = `i${process.pid}`;
