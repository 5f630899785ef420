/**
 * References in a text, rules 1. `${NAME}` is one when NAME is made of letters, digits, `_`, `-` and `.` (Nomad's
 * rule): what shells write with other characters, such as `${PORT:-80}`, is none and stays. `$${NAME}` is the text
 * `${NAME}`. What a reference stands for is put in as it is and not read again. Pure.
 */

/** Is there anything in a text that reading it would change, or refuse? */
function hasReference(text: string): boolean {
  return nextReference(text, 0) !== undefined;
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
  let made = '';
  let end = 0;
  for (let at = nextReference(text, 0); at !== undefined; at = nextReference(text, end)) {
    const close = text.indexOf('}', at);
    const isEscaped = at > end && text.charCodeAt(at - 1) === DOLLAR;
    const put = isEscaped ? undefined : answer(text.slice(at + 2, close));
    // Of two dollar signs one is taken away.
    made += text.slice(end, isEscaped ? at - 1 : at) + (put ?? text.slice(at, close + 1));
    if (made.length > longest) return undefined;
    end = close + 1;
  }
  if (end === 0) return text;
  made += text.slice(end);
  return made.length > longest ? undefined : made;
}

const DOLLAR = 36;

/**
 * Where the next `${NAME}` begins, from a place on. By hand: it is asked of every text on the way of a start, and an
 * expression that is shared keeps its place from one text to the next.
 */
function nextReference(text: string, from: number): number | undefined {
  for (let at = text.indexOf('${', from); at >= 0; at = text.indexOf('${', at + 2)) {
    let end = at + 2;
    while (isNameLetter(text.charCodeAt(end))) end += 1;
    if (end > at + 2 && text.charCodeAt(end) === CLOSE) return at;
  }
  return undefined;
}

const CLOSE = 125;

/** Letters, digits, `_`, `-`, `.`; not NaN, which is what there is behind the end. */
function isNameLetter(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 45 ||
    code === 46
  );
}
