/** What follows a way to end, as it is written (`"75"`, `"64-78"`, `"SIGSEGV"`) and as it is recorded. */
import { SIGNAL_NAMES } from './signal-names.ts';
import type { ExitRule } from './task-spec.ts';

const HIGHEST_CODE = 255;

/** Undefined for text that names no way to end. */
export function exitRuleOf(on: string, then: ExitRule['then']): ExitRule | undefined {
  if ((SIGNAL_NAMES as readonly string[]).includes(on)) return { signal: on, then };
  const [, first, last = first] = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(on) ?? [];
  if (first === undefined) return undefined;
  const rule = { from: Number(first), to: Number(last), then };
  return rule.from <= rule.to && rule.to <= HIGHEST_CODE ? rule : undefined;
}

/** In the order in which they are looked at: the narrower one first, so that a code beats a range around it. */
export function exitRules(
  written: Readonly<Record<string, ExitRule['then']>>,
): readonly ExitRule[] {
  const rules = Object.entries(written).flatMap(([on, then]) => exitRuleOf(on, then) ?? []);
  return rules.toSorted(
    (one, other) => widthOf(one) - widthOf(other) || (one.from ?? -1) - (other.from ?? -1),
  );
}

function widthOf({ from = 0, to = 0 }: ExitRule): number {
  return to - from;
}

/** Two ranges of the same rules that meet without one being inside the other, as they are written. */
export function crossedRanges(on: readonly string[]): readonly [string, string] | undefined {
  const ranges = on.flatMap((text) => {
    const { from, to } = exitRuleOf(text, 'fail') ?? {};
    return from === undefined || to === undefined ? [] : [{ text, from, to }];
  });
  for (const [place, one] of ranges.entries()) {
    const other = ranges
      .slice(place + 1)
      .find(
        (two) =>
          (one.from < two.from && two.from <= one.to && one.to < two.to) ||
          (two.from < one.from && one.from <= two.to && two.to < one.to) ||
          (one.from === two.from && one.to === two.to),
      );
    if (other !== undefined) return [one.text, other.text];
  }
  return undefined;
}
