/**
 * Liquid, closed: a template reaches the names that it is given and nothing else, no file, no other template, no code,
 * and it is given up when it takes too long or becomes too large.
 */
import { Liquid } from 'liquidjs';
import { HoldfastError, messageOf } from '../../errors.ts';

export interface Names {
  readonly env: Readonly<Record<string, string>>;
  readonly secret: Readonly<Record<string, string>>;
}

const LONGEST = 1_048_576;
/** Meanwhile the agent does nothing else. */
const LIMIT_MS = 500;

/** Errors: HOOK_FAILED, with the place in the template and no value. */
export async function fillIn(template: string, names: Names, isStrict: boolean): Promise<string> {
  const engine = new Liquid({
    strictFilters: true,
    strictVariables: isStrict,
    ownPropertyOnly: true,
    // Includes find nothing: there is no file system.
    templates: {},
    parseLimit: LONGEST,
    renderLimit: LIMIT_MS,
    memoryLimit: 8 * LONGEST,
  });
  const filters = { env: names.env, secret: names.secret };
  for (const [kind, known] of Object.entries(filters)) {
    engine.registerFilter(kind, (name: unknown) => {
      const value = Object.hasOwn(known, String(name)) ? known[String(name)] : undefined;
      if (value !== undefined || !isStrict) return value ?? '';
      throw new Error(`${kind} "${String(name)}" is not known`);
    });
  }
  engine.registerFilter('base64', (value: unknown) =>
    Buffer.from(String(value)).toString('base64'),
  );
  let text: string;
  try {
    text = String(await engine.parseAndRender(template, { ...names }));
  } catch (error) {
    throw new HoldfastError('HOOK_FAILED', messageOf(error).split('\n')[0] ?? '', { cause: error });
  }
  if (Buffer.byteLength(text) <= LONGEST) return text;
  throw new HoldfastError('HOOK_FAILED', 'becomes longer than 1 MiB');
}
