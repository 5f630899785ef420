/** Names of variables: each fact under Nomad's name, so that its tasks run unchanged, and under ours. */

const PREFIXES = ['NOMAD_', 'HOLDFAST_'] as const;
/** Nomad cleans these and no others (`client/taskenv/env.go`): their end is text that somebody else chose. */
const CLEANED = /^(?:NOMAD|HOLDFAST)_(?:ADDR|IP|PORT|HOST_PORT|META|LABEL)_/;
const UNCLEAN = /[^A-Za-z0-9_.]/;

export function twinNames(name: string): readonly string[] {
  return PREFIXES.map((prefix) => cleanName(`${prefix}${name}`));
}

const ofFacts = new Map<string, readonly string[]>();

/** The same for one of our own few words: made once, as every start asks for them. */
export function factNames(word: string): readonly string[] {
  let names = ofFacts.get(word);
  if (names === undefined) ofFacts.set(word, (names = twinNames(word)));
  return names;
}

/** What no shell could read becomes `_`, one for each byte; other names are left as they are. */
export function cleanName(name: string): string {
  if (!name.startsWith('NOMAD_') && !name.startsWith('HOLDFAST_')) return name;
  if (!UNCLEAN.test(name) || !CLEANED.test(name)) return name;
  return name.replaceAll(/[^A-Za-z0-9_.]/gu, (letter) => '_'.repeat(utf8Bytes(letter)));
}

function utf8Bytes(letter: string): number {
  const code = letter.codePointAt(0) as number;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x1_0000 ? 3 : 4;
}
