/** The environment that a program or a command beside it gets, when its driver has said its own word. Pure. */
import { nameMatcher } from './name-globs.ts';

type Texts = Readonly<Record<string, string>>;

/** What the run says, what comes of the program's user over it, without what was denied. */
export function programEnv(
  run: { readonly env: Texts },
  { env, deniedEnv = [] }: { readonly env?: Texts; readonly deniedEnv?: readonly string[] },
): Texts {
  const all = { ...run.env, ...env };
  if (deniedEnv.length === 0) return all;
  const isDenied = nameMatcher(deniedEnv);
  return Object.fromEntries(Object.entries(all).filter(([name]) => !isDenied(name)));
}
