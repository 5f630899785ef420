/**
 * Half of a surrogate pair, as JSON can write one ("\ud800"), is no character: whoever writes such a text down changes
 * it, and a program would get another one than was asked for.
 */
import type { KeyPath, KeyProblem } from './key-names.ts';

const HALF = /\p{Surrogate}/u;

/** Every text of a group, keys too, also in the settings of drivers that nothing here knows. */
export function wholeTextProblems(value: unknown, path: KeyPath = []): readonly KeyProblem[] {
  return look(value, path, new Set());
}

function look(value: unknown, path: KeyPath, above: ReadonlySet<unknown>): readonly KeyProblem[] {
  if (typeof value === 'string') return halfIn(value, path);
  // What holds itself is refused elsewhere: it is no JSON.
  if (typeof value !== 'object' || value === null || above.has(value)) return [];
  const within = new Set([...above, value]);
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => look(item, [...path, index], within));
  }
  return Object.entries(value).flatMap(([key, item]) => [
    ...halfIn(key, [...path, key]),
    ...look(item, [...path, key], within),
  ]);
}

function halfIn(text: string, path: KeyPath): readonly KeyProblem[] {
  const [half] = HALF.exec(text) ?? [];
  if (half === undefined) return [];
  const code = JSON.stringify(half).slice(1, -1);
  return [{ path, text: `must be whole text: it has half of a surrogate pair (${code})` }];
}
