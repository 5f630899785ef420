/** In which fields two specs differ, as texts for people: what looks like a secret is left out of them. */
import type { FieldAction } from './plan-rules.ts';
import { REDACTED, redactArgv } from './redact-argv.ts';

export interface FieldChange {
  readonly kind: 'added' | 'removed' | 'changed';
  /** Such as `config.args[1]`, in the words of the group as it is kept: times in milliseconds. */
  readonly field: string;
  /** JSON, shortened, without what looks like a secret; absent for what was not there, or is not any more. */
  readonly before?: string;
  readonly after?: string;
  /** What this change asks for. */
  readonly action: FieldAction;
}

type Fields = Readonly<Record<string, unknown>>;

/** `rule` is asked with a path without indexes. */
export function fieldChanges(
  before: Fields,
  after: Fields,
  rule: (path: string) => FieldAction,
): readonly FieldChange[] {
  const found: FieldChange[] = [];
  compare({ value: before, shown: shownOf(before) }, { value: after, shown: shownOf(after) }, '');
  return found;

  function compare(one: Side, other: Side, path: string): void {
    const keys = keysOf(one.value, other.value);
    if (keys === undefined) {
      if (JSON.stringify(one.value) !== JSON.stringify(other.value)) note(one, other, path);
      return;
    }
    for (const key of keys) {
      const isItem = Array.isArray(one.value);
      const name = isItem ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
      compare(within(one, key), within(other, key), name);
    }
  }

  function note(one: Side, other: Side, field: string): void {
    const action = rule(field.replaceAll(/\[\d+\]/g, ''));
    const texts = {
      ...(one.value !== undefined && { before: textOf(one.shown) }),
      ...(other.value !== undefined && { after: textOf(other.shown) }),
    };
    const kind =
      one.value === undefined ? 'added' : other.value === undefined ? 'removed' : 'changed';
    found.push({ kind, field, ...texts, action });
  }
}

/** A value, and the same without what looks like a secret. */
interface Side {
  readonly value: unknown;
  readonly shown: unknown;
}

function within({ value, shown }: Side, key: string): Side {
  return { value: (value as Fields)[key], shown: (shown as Fields)[key] };
}

/** What both can be compared by, piece by piece; undefined when at least one of them has no pieces. */
function keysOf(one: unknown, other: unknown): readonly string[] | undefined {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
    return undefined;
  }
  if (Array.isArray(one) !== Array.isArray(other)) return undefined;
  return [...new Set([...Object.keys(one), ...Object.keys(other)])];
}

/** A value that stands under a name which looks secret is one, and so is what follows such a word in a list. */
function shownOf(value: unknown, name = ''): unknown {
  if (typeof value === 'string')
    return name === '' ? redactArgv([cut(value)])[0] : named(name, value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const isText = value.every((item) => typeof item === 'string');
    return isText ? redactArgv(value.map(cut)) : value.map((item) => shownOf(item));
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shownOf(one, key)]));
}

function named(name: string, value: string): string {
  const [shown = ''] = redactArgv([`${name}=${cut(value)}`]);
  return shown.startsWith(`${name}=`) ? shown.slice(name.length + 1) : REDACTED;
}

const LONGEST = 120;

/** Nobody reads more of it, and looking for secrets in a long text takes long. */
function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}

function textOf(value: unknown): string {
  return cut(JSON.stringify(value));
}
