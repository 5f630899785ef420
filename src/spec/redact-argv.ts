/**
 * The words of a command as they may be recorded: what looks like a secret is left out. The rule errs to both sides, so
 * that who has secrets gives them by input or by environment: this only keeps the usual accidents out of the log.
 *
 * A name looks secret when it holds one of `SECRET_WORDS`, whatever its case. Left out are:
 * - all of a word behind NAME= or --name=, and in the middle of a word, such as a script for `sh -c`, the value;
 * - the word after an option of such a name: `--password VALUE`, `-token VALUE`;
 * - the password in a URL: `scheme://user:PASSWORD@host`;
 * - what follows `Authorization:`, and a word after `Bearer` or `Basic` in one text.
 *
 * Words come from strangers and may be long: the time it takes grows with their length, not with its square.
 */

export const REDACTED = '<redacted>';

const SECRET_WORDS =
  'pass(?:word|wd|phrase)?|secret|token|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key|ssh[-_.]?key|signature|auth(?!or)';

const NAME = '[A-Za-z0-9_.-]';
/** A name in which such a word stands: looked for from the beginning of the name, so that no letter is read often. */
const SECRET_NAME = `(?=${NAME}*(?:${SECRET_WORDS}))${NAME}+`;

const NAMED = new RegExp(`(?<!${NAME})(${SECRET_NAME}=)("[^"]*"|'[^']*'|[^\\s"';&|]+)`, 'gi');
const WHOLE = new RegExp(`^(${SECRET_NAME}=).+`, 'is');
const OPTION = new RegExp(`^--?${SECRET_NAME}$`, 'i');
/** What is in front of `://` is looked at from there. */
const IN_URL = /:\/\/(?<=[a-z][a-z0-9+.-]*:\/\/)([^\s/:@]*:)[^\s/@]+@/gi;
const HEADER = /(authorization\s*:\s*)(?:(?:bearer|basic)\s+)?[^\s"']+/gi;
const SCHEME = /\b((?:bearer|basic)\s+)[^\s"']+/gi;

/** The same number of words. */
export function redactArgv(argv: readonly string[]): readonly string[] {
  let hidesNext = false;
  return argv.map((word) => {
    const isHidden = hidesNext && !word.startsWith('-');
    hidesNext = OPTION.test(word);
    return isHidden ? REDACTED : redactWord(word);
  });
}

function redactWord(word: string): string {
  if (WHOLE.test(word)) return word.replace(WHOLE, `$1${REDACTED}`);
  return word
    .replace(HEADER, `$1${REDACTED}`)
    .replace(SCHEME, `$1${REDACTED}`)
    .replace(NAMED, `$1${REDACTED}`)
    .replace(IN_URL, `://$1${REDACTED}@`);
}
