/** Takes the fields of an object one by one, and knows in the end which were not taken: nothing is lost silently. */
import { formatDuration } from '../spec/duration.ts';
import { type Fields, ImportFault, isFields, isUnset } from './imported.ts';

const NANOS_PER_MS = 1_000_000;

export class FieldReading {
  readonly #fields: Fields;
  readonly #path: string;
  readonly #notes: string[];
  readonly #taken = new Set<string>();

  /** `notes` is added to. `path` is for people: `web.api`. Throws for what is no object. */
  constructor(fields: unknown, path: string, notes: string[]) {
    if (!isFields(fields)) throw new ImportFault(`${path} must be an object`);
    this.#fields = fields;
    this.#path = path;
    this.#notes = notes;
  }

  /** Undefined for what says nothing. */
  any(key: string): unknown {
    this.#taken.add(key);
    const value = Object.hasOwn(this.#fields, key) ? this.#fields[key] : undefined;
    return isUnset(value) ? undefined : value;
  }

  text(key: string): string | undefined {
    return this.#typed(key, 'string', 'a text') as string | undefined;
  }

  number(key: string): number | undefined {
    return this.#typed(key, 'number', 'a number') as number | undefined;
  }

  isOn(key: string): boolean {
    return this.#typed(key, 'boolean', 'true or false') === true;
  }

  /** Is it set, and to false? To some that says something. */
  isFalse(key: string): boolean {
    this.#taken.add(key);
    return Object.hasOwn(this.#fields, key) && this.#fields[key] === false;
  }

  object(key: string): Fields | undefined {
    const value = this.any(key);
    if (value === undefined || isFields(value)) return value;
    throw new ImportFault(`${this.#at(key)} must be an object`);
  }

  list(key: string): readonly unknown[] {
    const value = this.any(key);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    throw new ImportFault(`${this.#at(key)} must be a list`);
  }

  /** A number is its text. */
  word(key: string): string | undefined {
    const value = this.any(key);
    return value === undefined ? undefined : scalar(value, this.#at(key));
  }

  texts(key: string): Readonly<Record<string, string>> | undefined {
    const fields = this.object(key);
    if (fields === undefined) return undefined;
    return Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        scalar(value, this.#at(`${key}.${name}`)),
      ]),
    );
  }

  /** Nanoseconds, or a text that is a duration already; parts of milliseconds are rounded up. */
  duration(key: string): string | undefined {
    const value = this.any(key);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && value > 0) {
      return formatDuration(Math.ceil(value / NANOS_PER_MS));
    }
    if (typeof value === 'string') return value;
    throw new ImportFault(`${this.#at(key)} must be a duration, not ${JSON.stringify(value)}`);
  }

  /** Says why something that is set is left out. */
  drop(key: string, why: string): void {
    if (this.any(key) !== undefined) this.note(key, `is left out: ${why}`);
  }

  note(key: string, text: string): void {
    this.#notes.push(`${this.#at(key)} ${text}`);
  }

  /** A line for everything that nobody took. `reasons` say more about some. */
  end(reasons: Readonly<Record<string, string>> = {}): void {
    for (const key of Object.keys(this.#fields)) {
      if (this.#taken.has(key)) continue;
      this.drop(key, reasons[key] ?? 'there is nothing like it here');
    }
  }

  #typed(key: string, type: string, claim: string): unknown {
    const value = this.any(key);
    if (value === undefined || typeof value === type) return value;
    throw new ImportFault(`${this.#at(key)} must be ${claim}, not ${JSON.stringify(value)}`);
  }

  #at(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }
}

/** A value as an environment has it. */
export function scalar(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new ImportFault(`${path} must be a text or a number`);
}
