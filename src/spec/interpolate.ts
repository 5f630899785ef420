/**
 * References in a text, rules 1. `${NAME}` is one when NAME is made of letters, digits, `_`, `-` and `.` (Nomad's
 * rule): what shells write with other characters, such as `${PORT:-80}`, is none and stays. `$${NAME}` is the text `${NAME}`.
 * What a reference stands for is put in as it is and not read again. Pure.
 */

const REFERENCE = /(\$?)\$\{([A-Za-z0-9_.-]+)\}/;
/** Never asked by `test` or `exec`, which would leave a place behind for whoever is next. */
const REFERENCES = new RegExp(REFERENCE, 'g');

/** Is there anything in a text that reading it would change, or refuse? */
export function hasReference(text: string): boolean {
  return text.includes('${') && REFERENCE.test(text);
}

/** Is there such a text in a value of any depth? Keys are not read. */
export function hasReferenceWithin(value: unknown): boolean {
  if (typeof value === 'string') return hasReference(value);
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(hasReferenceWithin);
}

/**
 * The text with every reference replaced by what `answer` says of it; undefined keeps it as it is written. Gives
 * undefined when that becomes longer than `longest` characters, without making it.
 */
export function replaceReferences(
  text: string,
  answer: (name: string) => string | undefined,
  longest: number,
): string | undefined {
  if (!text.includes('${')) return text;
  let made = '';
  let end = 0;
  for (const found of text.matchAll(REFERENCES)) {
    const [written, escape = '', name = ''] = found;
    const put = escape === '' ? (answer(name) ?? written) : written.slice(1);
    made += text.slice(end, found.index) + put;
    if (made.length > longest) return undefined;
    end = found.index + written.length;
  }
  made += text.slice(end);
  return made.length > longest ? undefined : made;
}
