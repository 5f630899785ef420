/**
 * The flags of the programmes of `test/`. What is mistyped ends the programme with one line and status 2, before
 * anything is tried: a rig that tries nothing must not say that nothing failed.
 */
import { parseArgs } from 'node:util';

type Given = string | boolean | undefined;

/** One flag: whether it takes a value, and what it means. `read` throws a UsageError for what makes no sense. */
export interface Flag<T> {
  readonly type: 'string' | 'boolean';
  read(given: Given, name: string): T;
}

export class UsageError extends Error {}

type Read<F> = { readonly [Name in keyof F]: F[Name] extends Flag<infer T> ? T : never };

type Flags = Readonly<Record<string, Flag<unknown>>>;

/** What the programme was started with; a mistake ends it. */
export function readFlags<F extends Flags>(flags: F): Read<F> {
  try {
    return parseFlags(flags, process.argv.slice(2));
  } catch (error) {
    if (error instanceof UsageError) return refuse(error.message);
    throw error;
  }
}

/** Ends the programme: what it was asked makes no sense. */
export function refuse(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(2);
}

/** Throws a UsageError for an unknown flag, a word that belongs to none, and what a flag refuses. */
export function parseFlags<F extends Flags>(flags: F, words: readonly string[]): Read<F> {
  const options: Record<string, { readonly type: 'string' | 'boolean' }> = {};
  for (const [name, { type }] of Object.entries(flags)) options[name] = { type };
  let values: Readonly<Record<string, Given>>;
  try {
    values = parseArgs({ args: [...words], options }).values;
  } catch (error) {
    const [line = ''] = (error as Error).message.split(/\.? To specify|\n/);
    throw new UsageError(`${line}; known are ${namesOf(flags)}`, { cause: error });
  }
  const read = Object.entries(flags).map(([name, flag]) => [name, flag.read(values[name], name)]);
  return Object.fromEntries(read) as Read<F>;
}

function namesOf(flags: Flags): string {
  return Object.entries(flags)
    .map(([name, { type }]) => (type === 'boolean' ? `--${name}` : `--${name} X`))
    .join(' ');
}

export function isGiven(): Flag<boolean> {
  return { type: 'boolean', read: (given) => given === true };
}

/** Any text; undefined when it is not given. */
export function text(): Flag<string | undefined> {
  return { type: 'string', read: (given) => given?.toString() };
}

/** A whole number from `least` on, `otherwise` when it is not given. */
export function whole<T extends number | undefined>(least: number, otherwise: T): Flag<number | T> {
  return {
    type: 'string',
    read(given, name) {
      if (given === undefined) return otherwise;
      const number = Number(given);
      if (/^\d+$/.test(String(given)) && Number.isSafeInteger(number) && number >= least) {
        return number;
      }
      throw new UsageError(`--${name} is a whole number from ${least} on, not '${given}'`);
    },
  };
}

/** One of some words. */
export function oneOf(known: readonly string[]): Flag<string | undefined> {
  return matching((word) => known.includes(word), known);
}

/** A word that `isKnown` knows; `known` are those that it may be, or be like. */
export function matching(
  isKnown: (word: string) => boolean,
  known: readonly string[],
): Flag<string | undefined> {
  return {
    type: 'string',
    read(given, name) {
      const word = given?.toString();
      if (word === undefined || isKnown(word)) return word;
      throw new UsageError(`--${name} '${word}' is none of: ${known.join(', ')}`);
    },
  };
}

/** Words with commas between them, each of which `isKnown` knows; an empty text is none. */
export function wordsOf(
  isKnown: (word: string) => boolean,
  known: readonly string[],
): Flag<readonly string[] | undefined> {
  const one = matching(isKnown, known);
  return {
    type: 'string',
    read(given, name) {
      const words = given
        ?.toString()
        .split(',')
        .filter((word) => word !== '');
      for (const word of words ?? []) one.read(word, name);
      return words;
    },
  };
}
