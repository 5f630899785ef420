/** The environment that a program or a command beside it gets. Pure. */
import { nameMatcher } from '../spec/name-globs.ts';
import type { ProgramWish, RunRequest } from './driver.ts';

/** What the run says, what comes of the program's user over it, without what was denied. */
export function programEnv(
  run: Pick<RunRequest, 'env'>,
  { env, deniedEnv = [] }: Pick<ProgramWish, 'env' | 'deniedEnv'>,
): Readonly<Record<string, string>> {
  const all = { ...run.env, ...env };
  if (deniedEnv.length === 0) return all;
  const isDenied = nameMatcher(deniedEnv);
  return Object.fromEntries(Object.entries(all).filter(([name]) => !isDenied(name)));
}
