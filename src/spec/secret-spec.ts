/** A secret that is fetched before each start, with every default applied. JSON-safe: it stands in the log. */
import { changeRule, type ChangeRule } from './change-spec.ts';
import { durationMs } from './duration.ts';
import type { CheckedSecret } from './secret-schema.ts';

/** Where its value is: a variable of the agent, a file of the machine, or what a program writes to its output. */
export type SecretSource =
  | { readonly provider: 'env'; readonly key: string }
  | { readonly provider: 'file'; readonly path: string }
  | { readonly provider: 'exec'; readonly command: readonly string[]; readonly timeoutMs: number };

export type SecretSpec = SecretSource & {
  readonly name: string;
  /** The variable that the program gets. */
  readonly env?: string;
  /** Below the secrets directory of the task. */
  readonly file?: string;
  /** It is fetched again so often while a program runs. Left out: before each start only. */
  readonly refresh?: { readonly everyMs: number; readonly change: ChangeRule };
};

export const SECRET_TIMEOUT_MS = 30_000;

/** A secret that goes nowhere becomes a file of its name. */
export function secretSpec(checked: CheckedSecret): SecretSpec {
  const { name, env, timeout } = checked;
  const file = checked.file ?? (env === undefined ? name : undefined);
  const { refresh } = checked;
  const rest = {
    name,
    ...(env !== undefined && { env }),
    ...(file !== undefined && { file }),
    ...(refresh !== undefined && {
      refresh: { everyMs: durationMs(refresh), change: changeRule(checked) },
    }),
  };
  switch (checked.provider) {
    case 'env':
      return { ...rest, provider: 'env', key: checked.key ?? name };
    case 'file':
      return { ...rest, provider: 'file', path: checked.path ?? '' };
    case 'exec': {
      const timeoutMs = timeout === undefined ? SECRET_TIMEOUT_MS : durationMs(timeout);
      return { ...rest, provider: 'exec', command: checked.command ?? [], timeoutMs };
    }
  }
}
