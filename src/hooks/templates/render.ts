/** Fills in a template with all that it asks for: what that is, only filling it in can tell. */
import { refused } from '../artifacts/faults.ts';
import type { FillRules, Names } from './fill-in.ts';
import type { Input } from './inputs.ts';

export interface Rendered {
  /** Undefined while something is missing. */
  readonly content: string | undefined;
  /** What it cannot do without, and which is not there. */
  readonly missing: readonly Input[];
  readonly inputs: ReadonlySet<Input>;
}

/** A key may hold the name of a key. */
const DEEPEST = 10;
const MOST_INPUTS = 1_000;

type Found = { readonly value: string | undefined } | { readonly fault: unknown };

/** Errors: HOOK_FAILED, CAPABILITY_MISSING, and what `read` throws of what is asked for in the end. */
export async function render(
  template: string,
  names: Names,
  rules: FillRules,
  read: (input: Input) => Promise<string | undefined>,
): Promise<Rendered> {
  const known = new Map<Input, Found>();
  for (let depth = 0; depth <= DEEPEST; depth += 1) {
    const pass = new Pass(known);
    const content = await pass.fillIn(template, names, rules);
    if (pass.wanted.size === 0) {
      const [missing, inputs] = [[...pass.missing], pass.asked];
      return { content: missing.length === 0 ? content : undefined, missing, inputs };
    }
    if (known.size + pass.wanted.size > MOST_INPUTS) {
      throw refused(`asks for over ${MOST_INPUTS} files and keys`);
    }
    const found = await Promise.all([...pass.wanted].map((input) => foundBy(read, input)));
    for (const [input, one] of found) known.set(input, one);
  }
  throw refused(`asks for keys that are named by keys, over ${DEEPEST} deep`);
}

/** What is asked for while something is unknown may be nonsense: whether it matters is seen later. */
function foundBy(
  read: (input: Input) => Promise<string | undefined>,
  input: Input,
): Promise<readonly [Input, Found]> {
  return read(input).then(
    (value) => [input, { value }] as const,
    (fault: unknown) => [input, { fault }] as const,
  );
}

/** One filling in, with what is known by then. */
class Pass {
  readonly asked = new Set<Input>();
  readonly wanted = new Set<Input>();
  readonly missing = new Set<Input>();
  readonly #known: ReadonlyMap<Input, Found>;
  #faulty: { readonly fault: unknown } | undefined;

  constructor(known: ReadonlyMap<Input, Found>) {
    this.#known = known;
  }

  async fillIn(template: string, names: Names, rules: FillRules): Promise<string | undefined> {
    // Loaded by those who have templates.
    const { fillIn } = await import('./fill-in.ts');
    let text: string | undefined;
    try {
      text = await fillIn(template, names, rules, (...asked) => this.#look(...asked));
    } catch (error) {
      // What is not there yet may be all that is wrong.
      if (this.wanted.size === 0 && this.missing.size === 0) this.#faulty ??= { fault: error };
    }
    if (this.wanted.size === 0 && this.#faulty !== undefined) throw this.#faulty.fault;
    return text;
  }

  #look(input: Input, isNeeded: boolean): string | undefined {
    this.asked.add(input);
    const found = this.#known.get(input);
    if (found === undefined) this.wanted.add(input);
    else if ('fault' in found) this.#faulty ??= found;
    else if (found.value !== undefined) return found.value;
    else if (isNeeded) this.missing.add(input);
    return undefined;
  }
}
