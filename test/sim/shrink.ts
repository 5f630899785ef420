/**
 * Makes a failing seed small: first leaves whole kinds of faults out, then halves of what is left, then single ones, as
 * long as it still fails in the same way. What remains is what the failure needs.
 */
import type { Strike } from './faults.ts';

export type Fails = (only: readonly string[]) => Promise<boolean>;

export function nameOf({ kind, index }: Strike): string {
  return `${kind}#${index}`;
}

/** `fails` is asked with names of strikes; `strikes` are those of the whole failing history. */
export async function shrink(strikes: readonly Strike[], fails: Fails): Promise<readonly string[]> {
  let left: readonly string[] = strikes.map(nameOf);
  if (await fails([])) return [];
  for (const kind of new Set(strikes.map((strike) => strike.kind))) {
    const without = left.filter((name) => !name.startsWith(`${kind}#`));
    if (without.length < left.length && (await fails(without))) left = without;
  }
  for (
    let size = Math.ceil(left.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < left.length;) {
      const without = [...left.slice(0, at), ...left.slice(at + size)];
      if (left.length > 1 && (await fails(without))) left = without;
      else at += size;
    }
  }
  return left;
}

/** The same kind of failure: its letter and the words, whatever the names and numbers in it. */
export function likeness(failure: string): string {
  return failure.replaceAll(/\([a-z2-7]{20}\)|[a-z2-7]{16,20}|\d+/g, '#').slice(0, 60);
}
