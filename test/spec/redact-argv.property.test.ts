/** The rule as it was first written down: clear, and quadratic in the length of a word. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { tries } from '../properties/tries.ts';
import { REDACTED, redactArgv } from '../../src/spec/redact-argv.ts';

const SECRET_WORDS =
  'pass(?:word|wd|phrase)?|secret|token|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key|ssh[-_.]?key|signature|auth(?!or)';
const NAME = `[A-Za-z0-9_.-]*(?:${SECRET_WORDS})[A-Za-z0-9_.-]*`;
const WHOLE = new RegExp(`^(${NAME}=).+`, 'is');
const OPTION = new RegExp(`^--?${NAME}$`, 'i');
const PARTS: readonly (readonly [part: RegExp, instead: string])[] = [
  [/(authorization\s*:\s*)(?:(?:bearer|basic)\s+)?[^\s"']+/gi, `$1${REDACTED}`],
  [/\b((?:bearer|basic)\s+)[^\s"']+/gi, `$1${REDACTED}`],
  [new RegExp(`(${NAME}=)("[^"]*"|'[^']*'|[^\\s"';&|]+)`, 'gi'), `$1${REDACTED}`],
  [/([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:)[^\s/@]+@/gi, `$1${REDACTED}@`],
];

function bySlowRule(argv: readonly string[]): readonly string[] {
  let hidesNext = false;
  return argv.map((word) => {
    const isHidden = hidesNext && !word.startsWith('-');
    hidesNext = OPTION.test(word);
    if (isHidden) return REDACTED;
    if (WHOLE.test(word)) return word.replace(WHOLE, `$1${REDACTED}`);
    return PARTS.reduce((text, [part, instead]) => text.replace(part, instead), word);
  });
}

/** What the rules are about, and what stands between. */
const PIECES =
  'pass password token Secret api key api_key author auth authorization bearer Basic a B 7 x1 = == : :// @ / - -- _ . + " \' ; & | % é'
    .split(' ')
    .concat([' ', '  ', '\n', 'https://ann:pw@db', '9://a:b@c', '--password', 'TOKEN=x']);

const words = fc
  .array(fc.constantFrom(...PIECES), { maxLength: 12 })
  .map((pieces) => pieces.join(''));

it('hides what the slow rule hides, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(words, { maxLength: 3 }), (argv) => {
      expect(redactArgv(argv)).toEqual(bySlowRule(argv));
    }),
    tries(1_000),
  );
});

// With the slow rule each of these takes from minutes to days.
it.each([
  ['letters', 'a', ''],
  ['words that look secret', 'token', ''],
  ['an option that is none', 'token', '!'],
  ['names without values', 'token= ', ''],
  ['open quotes', `token="' `, ''],
  ['schemes without a host', 'a+', '://'],
  ['hosts without a password', 'a://', ''],
  ['headers without a value', 'authorization: bearer  ', '"'],
])('reads a word of a million letters: %s', (_what, part, end) => {
  const word = `-${part.repeat(Math.ceil(1_000_000 / part.length))}${end}`;
  expect(redactArgv(['run', word, 'last'])).toHaveLength(3);
});
