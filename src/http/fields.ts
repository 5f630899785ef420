/** What may be said in a query or in a body, as data: it is checked by this, and documents are made of it. */
import { HoldfastError } from '../errors.ts';
import { durationMs } from '../spec/duration.ts';

export interface Field {
  /**
   * `list`: texts, in a query separated by commas; `time`: ISO 8601, or so long ago, such as 10m; `duration`: such as
   * 5s, in milliseconds for the handler; `bytes`: base64.
   */
  readonly type:
    | 'text'
    | 'flag'
    | 'whole'
    | 'object'
    | 'list'
    | 'time'
    | 'duration'
    | 'bytes'
    | 'run';
  readonly about: string;
  /** The only words that it may be. */
  readonly words?: readonly string[];
  readonly isRequired?: boolean;
}

export type Fields = Readonly<Record<string, Field>>;

interface Types {
  readonly text: string;
  readonly flag: boolean;
  readonly whole: number;
  readonly object: Readonly<Record<string, unknown>>;
  readonly list: readonly string[];
  readonly time: Date;
  readonly duration: number;
  readonly bytes: Uint8Array;
  readonly run: number | 'last' | 'all';
}

type ValueOf<F extends Field> = F extends { words: readonly (infer Word)[] }
  ? Word
  : Types[F['type']];

export type Values<Fs extends Fields> = {
  readonly [K in keyof Fs as Fs[K] extends { isRequired: true } ? K : never]: ValueOf<Fs[K]>;
} & {
  readonly [K in keyof Fs as Fs[K] extends { isRequired: true } ? never : K]?: ValueOf<Fs[K]>;
};

/** Throws USAGE for a name that is not among the fields, for one that comes twice and for what cannot be read. */
export function readQuery(params: URLSearchParams, fields: Fields, now: number): object {
  const values: Record<string, unknown> = {};
  for (const name of new Set(params.keys())) {
    const field = fieldOf(fields, name, 'the query');
    const all = params.getAll(name);
    if (all.length > 1 && field.type !== 'list') throw wrong(`${name} is in the query twice`);
    values[name] = fromText(name, all.join(','), field, now);
  }
  assertWhole(values, fields, 'the query');
  return values;
}

/** Throws USAGE as `readQuery`. Null counts as left out. */
export function readBody(body: unknown, fields: Fields): object {
  if (body === undefined) body = {};
  if (!isObject(body)) throw wrong('the body is not a JSON object');
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    const field = fieldOf(fields, name, 'the body');
    if (value !== null) values[name] = fromJson(name, value, field);
  }
  assertWhole(values, fields, 'the body');
  return values;
}

function fieldOf(fields: Fields, name: string, where: string): Field {
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field !== undefined) return field;
  const known = Object.keys(fields).join(', ') || 'nothing';
  throw wrong(`${JSON.stringify(name.slice(0, 100))} is not known in ${where}: there is ${known}`);
}

function assertWhole(values: object, fields: Fields, where: string): void {
  for (const [name, { isRequired }] of Object.entries(fields)) {
    if (isRequired === true && !(name in values)) throw wrong(`${name} is missing in ${where}`);
  }
}

function fromText(name: string, text: string, field: Field, now: number): unknown {
  switch (field.type) {
    case 'flag':
      if (text === 'true' || text === '') return true;
      if (text === 'false') return false;
      throw wrong(`${name} is true or false`);
    case 'whole':
      return fromJson(name, /^\d{1,16}$/.test(text) ? Number(text) : text, field);
    case 'list':
      return text.split(',').filter((one) => one !== '');
    case 'time':
      return moment(name, text, now);
    case 'run':
      return fromJson(name, /^\d{1,10}$/.test(text) ? Number(text) : text, field);
    case 'object':
      throw wrong(`${name} cannot be in a query`);
    default:
      return fromJson(name, text, field);
  }
}

function fromJson(name: string, value: unknown, field: Field): unknown {
  const { type, words } = field;
  if (words !== undefined && !words.includes(String(value))) {
    throw wrong(`${name} is one of ${words.join(', ')}`);
  }
  switch (type) {
    case 'flag':
      if (typeof value === 'boolean') return value;
      throw wrong(`${name} is true or false`);
    case 'whole':
      if (Number.isSafeInteger(value) && Number(value) >= 0) return value;
      throw wrong(`${name} is a whole number`);
    case 'run':
      if (value === 'last' || value === 'all') return value;
      if (Number.isSafeInteger(value) && Number(value) >= 1) return value;
      throw wrong(`${name} is the number of a run, last or all`);
    case 'object':
      if (isObject(value)) return value;
      throw wrong(`${name} is a JSON object`);
    case 'list':
      if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
      throw wrong(`${name} is a list of texts`);
    default:
      if (typeof value !== 'string') throw wrong(`${name} is a text`);
      return fromWords(name, value, type);
  }
}

function fromWords(name: string, text: string, type: Field['type']): unknown {
  if (type === 'duration') {
    const ms = durationMs(text);
    if (Number.isNaN(ms)) throw wrong(`${name} is a duration, such as 5s`);
    return ms;
  }
  if (type !== 'bytes') return text;
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw wrong(`${name} is base64`);
  return Buffer.from(text, 'base64');
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

function moment(name: string, text: string, now: number): Date {
  const agoMs = durationMs(text);
  const time = new Date(
    Number.isNaN(agoMs) ? (MOMENT.test(text) ? text : Number.NaN) : now - agoMs,
  );
  if (!Number.isNaN(time.getTime())) return time;
  throw wrong(`${name} is a time such as 2026-11-22T10:00:00Z, or how long ago, such as 10m`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(message: string): HoldfastError {
  return new HoldfastError('USAGE', message);
}
