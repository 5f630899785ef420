/**
 * A JavaScript file that is nothing but data: `module.exports = {…}` or `export default {…}`. Read, never run: whatever
 * would have to be computed is refused with its line.
 */
import { ImportFault } from './imported.ts';

const MOST_LEVELS = 100;
const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['undefined', undefined],
]);
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  '0': '\0',
};

/** Throws ImportFault that begins with `:LINE`. */
export function readJsLiteral(text: string): unknown {
  const reader = new Reader(text);
  reader.skip(/['"]use strict['"]\s*;?/y);
  if (!reader.skip(/module\s*\.\s*exports\s*=|export\s+default\b/y)) {
    throw reader.fault('must be "module.exports = {…}" and nothing else');
  }
  const value = reader.value(0);
  reader.skip(/;/y);
  if (!reader.isAtEnd()) throw reader.fault('goes on behind its value: only data can be read');
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  fault(text: string): ImportFault {
    const line = this.#text.slice(0, this.#at).split('\n').length;
    return new ImportFault(`:${line} ${text}`);
  }

  isAtEnd(): boolean {
    this.#space();
    return this.#at >= this.#text.length;
  }

  /** Steps over what a sticky expression finds behind blanks and comments. */
  skip(pattern: RegExp): boolean {
    return this.#take(pattern) !== undefined;
  }

  value(level: number): unknown {
    if (level > MOST_LEVELS) throw this.fault(`is nested more than ${MOST_LEVELS} times`);
    this.#space();
    const next = this.#text[this.#at];
    if (next === '{') return this.#object(level);
    if (next === '[') return this.#list(level);
    if (next === '"' || next === "'" || next === '`') return this.#string();
    const number = this.#take(
      /[-+]?(?:0x[\da-f]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?![\w$.])/iy,
    );
    if (number !== undefined) return this.#number(number);
    const word = this.#take(/[A-Za-z_$][\w$]*(?!\s*[(.[`])/y);
    if (word !== undefined && WORDS.has(word)) return WORDS.get(word);
    throw this.fault('is not plain data: it would have to be run to know what it means');
  }

  #object(level: number): unknown {
    const entries: [string, unknown][] = [];
    this.skip(/\{/y);
    while (!this.skip(/\}/y)) {
      const key = this.#key();
      if (!this.skip(/:/y)) throw this.fault(`says no value for ${key}`);
      entries.push([key, this.value(level + 1)]);
      this.#comma(/\}/y);
    }
    return Object.fromEntries(entries);
  }

  #list(level: number): unknown[] {
    const items: unknown[] = [];
    this.skip(/\[/y);
    while (!this.skip(/\]/y)) {
      items.push(this.value(level + 1));
      this.#comma(/\]/y);
    }
    return items;
  }

  /** Behind the last one it may be left out. */
  #comma(end: RegExp): void {
    if (this.skip(/,/y)) return;
    const before = this.#at;
    const isEnd = this.skip(end);
    this.#at = before;
    if (!isEnd) throw this.fault('is not plain data: a comma or an end was expected');
  }

  #key(): string {
    this.#space();
    const next = this.#text[this.#at];
    if (next === '"' || next === "'") return this.#string();
    const name = this.#take(/[A-Za-z_$][\w$]*|\d+/y);
    if (name === undefined) throw this.fault('has a key that is no name');
    return name;
  }

  #number(written: string): number {
    const value = Number(written.replaceAll('_', '').replace(/^\+/, ''));
    if (Number.isNaN(value)) throw this.fault(`is no number: ${written}`);
    return value;
  }

  #string(): string {
    const quote = this.#text[this.#at] ?? '';
    let made = '';
    this.#at += 1;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || (char === '\n' && quote !== '`'))
        throw this.fault('ends in a text');
      if (quote === '`' && this.#text.startsWith('${', this.#at)) {
        throw this.fault('is not plain data: a text has something to be computed in it');
      }
      this.#at += 1;
      if (char === quote) return made;
      made += char === '\\' ? this.#escape() : char;
    }
  }

  #escape(): string {
    const char = this.#text[this.#at] ?? '';
    const code = /x([\da-f]{2})|u([\da-f]{4})|u\{([\da-f]{1,6})\}/iy;
    code.lastIndex = this.#at;
    const [whole, ...digits] = code.exec(this.#text) ?? [];
    if (whole !== undefined) {
      this.#at += whole.length;
      const point = Number.parseInt(digits.find((one) => one !== undefined) ?? '0', 16);
      if (point > 0x10ffff) throw this.fault('has a character that does not exist');
      return String.fromCodePoint(point);
    }
    this.#at += 1;
    if (char === '\n') return '';
    return ESCAPES[char] ?? char;
  }

  #take(pattern: RegExp): string | undefined {
    this.#space();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #space(): void {
    const blank = /(?:\s|\/\/[^\n]*|\/\*[^]*?\*\/)*/y;
    blank.lastIndex = this.#at;
    this.#at += blank.exec(this.#text)?.[0].length ?? 0;
  }
}
