/** The environment that a program or a command beside it gets. Pure. */
import type { ProgramWish, RunRequest } from './driver.ts';

/** What the run says, what comes of the program's user over it, without what was denied. */
export function programEnv(
  run: Pick<RunRequest, 'env'>,
  { env, deniedEnv = [] }: Pick<ProgramWish, 'env' | 'deniedEnv'>,
): Readonly<Record<string, string>> {
  const all = { ...run.env, ...env };
  if (deniedEnv.length === 0) return all;
  const isDenied = matcher(deniedEnv);
  return Object.fromEntries(Object.entries(all).filter(([name]) => !isDenied(name)));
}

/** `*` stands for any characters, as in Nomad; everything else for itself. */
function matcher(globs: readonly string[]): (name: string) => boolean {
  const patterns = globs.map((glob) => {
    const parts = glob.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`, 's');
  });
  return (name) => patterns.some((pattern) => pattern.test(name));
}
