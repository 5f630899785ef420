/**
 * Liquid, closed: a template reaches the names that it is given and nothing else, no other template, no code, and it is
 * given up when it takes too long or becomes too large. Files and keys are looked up in what was read for it.
 */
import { Liquid } from 'liquidjs';
import { HoldfastError, messageOf } from '../../errors.ts';
import type { Input } from './inputs.ts';

export interface Names {
  readonly env: Readonly<Record<string, string>>;
  readonly secret: Readonly<Record<string, string>>;
  /** Names of each that are known and whose values are not: whoever asks for one gets an error. */
  readonly unknown?: { readonly env: readonly string[]; readonly secret: readonly string[] };
}

export interface FillRules {
  /** What is not known is an error, and else nothing. */
  readonly isStrict: boolean;
  /** Each line of what comes out is a variable: no value may make another one. */
  readonly isOfLines: boolean;
}

const LONGEST = 1_048_576;
/** Meanwhile the agent does nothing else. */
const LIMIT_MS = 500;

/**
 * `look` gives what is known of an input; undefined stands for nothing, also in what comes out. Errors: HOOK_FAILED,
 * with the place in the template and no value.
 */
export async function fillIn(
  template: string,
  names: Names,
  { isStrict, isOfLines }: FillRules,
  look: (input: Input, isNeeded: boolean) => string | undefined,
): Promise<string> {
  const engine = new Liquid({
    strictFilters: true,
    strictVariables: isStrict,
    ownPropertyOnly: true,
    // Includes find nothing: there is no file system.
    templates: {},
    parseLimit: LONGEST,
    renderLimit: LIMIT_MS,
    memoryLimit: 8 * LONGEST,
    ...(isOfLines && { outputEscape: oneLine }),
  });
  const known = { env: guarded(names, 'env'), secret: guarded(names, 'secret') };
  addFilters(engine, known, isStrict, look);
  let text: string;
  try {
    text = String(await engine.parseAndRender(template, known));
  } catch (error) {
    throw new HoldfastError('HOOK_FAILED', messageOf(error).split('\n')[0] ?? '', { cause: error });
  }
  if (Buffer.byteLength(text) <= LONGEST) return text;
  throw new HoldfastError('HOOK_FAILED', 'becomes longer than 1 MiB');
}

/** Whoever writes `raw` last means it as it is. */
function oneLine(value: string | number | boolean | readonly string[] | null | undefined): string {
  const text = Array.isArray(value) ? value.join('') : String(value ?? '');
  if (!text.includes('\n')) return text;
  const remedy = 'write {{ … | json }} for one variable, or {{ … | raw }} for lines';
  throw new Error(`a value of several lines would become several variables: ${remedy}`);
}

function addFilters(
  engine: Liquid,
  filters: Readonly<Record<string, Readonly<Record<string, string>>>>,
  isStrict: boolean,
  look: (input: Input, isNeeded: boolean) => string | undefined,
): void {
  for (const [kind, known] of Object.entries(filters)) {
    engine.registerFilter(kind, (name: unknown) => {
      const value = Object.hasOwn(known, String(name)) ? known[String(name)] : undefined;
      if (value !== undefined || !isStrict) return value ?? '';
      throw new Error(`${kind} "${String(name)}" is not known`);
    });
  }
  for (const kind of ['file', 'key'] as const) {
    engine.registerFilter(kind, (name: unknown, instead?: string | number) => {
      const isNeeded = instead === undefined && isStrict;
      return look(`${kind} ${String(name)}`, isNeeded) ?? String(instead ?? '');
    });
  }
  engine.registerFilter('base64', (value: unknown) =>
    Buffer.from(String(value)).toString('base64'),
  );
}

function guarded(names: Names, kind: 'env' | 'secret'): Readonly<Record<string, string>> {
  const hidden = names.unknown?.[kind] ?? [];
  if (hidden.length === 0) return names[kind];
  const known = { ...names[kind] };
  for (const name of hidden) {
    Object.defineProperty(known, name, {
      enumerable: true,
      get(): never {
        throw new Error(`${kind} ${name} is a secret that this agent has not got`);
      },
    });
  }
  return known;
}
