/** What zod found, in sentences that begin with the path: "tasks[0].name is missing". */
import type { z } from 'zod';
import { closest } from './closest.ts';
import type { KeyProblem } from './key-names.ts';

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  number: 'a number',
  array: 'a list',
  object: 'a map of keys and values',
  record: 'a map of keys and values',
};

/** One issue as a problem. `input` is what was parsed: the message names what stands there. */
export function problemText(issue: z.core.$ZodIssue, input: unknown): KeyProblem {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  const found = valueAt(input, path);
  if (found === undefined) return { path, text: 'is missing' };
  return { path, text: sentence(issue, found) };
}

function sentence(issue: z.core.$ZodIssue, found: unknown): string {
  switch (issue.code) {
    case 'invalid_type': {
      const isOwnText = !issue.message.startsWith('Invalid input');
      const wanted = `must be ${EXPECTED[issue.expected] ?? issue.expected}`;
      const quote = issue.expected === 'string' && isScalar(found) ? ' (put it in quotes)' : '';
      return `${isOwnText ? issue.message : wanted}, not ${describe(found)}${isOwnText ? '' : quote}`;
    }
    case 'invalid_value': {
      const words = issue.values.map(String);
      const near = typeof found === 'string' ? closest(found, words) : undefined;
      const meant = near === undefined ? '' : `. Did you mean ${near}?`;
      const wanted = issue.message.startsWith('Invalid')
        ? `must be ${orList(words)}`
        : issue.message;
      return `${wanted}, not ${describe(found)}${meant}`;
    }
    case 'too_small':
      if (issue.origin === 'array') return 'must have at least one entry';
      if (issue.origin === 'string') return 'must not be empty';
      return `must be at least ${issue.minimum}, not ${describe(found)}`;
    case 'too_big':
      return `must be at most ${issue.maximum}, not ${describe(found)}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'is not a name that can be used';
    case 'invalid_format':
      return `${issue.message}, not ${describe(found)}`;
    default:
      return issue.message;
  }
}

function valueAt(input: unknown, path: readonly (string | number)[]): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function isScalar(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}

function describe(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  const shown = JSON.stringify(value);
  const text = shown.length > 60 ? `${shown.slice(0, 57)}…"` : shown;
  return typeof value === 'number' ? `the number ${text}` : text;
}

function orList(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
