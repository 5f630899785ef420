/**
 * Which numbers of a stream were given to segments, as far as what is left of it tells. One that was given is never
 * given again, whatever became of its file, so that a cursor stays right for ever.
 */
import { basename } from 'node:path';

import type { GapRecord } from './gaps.ts';
import { currentPath, type SegmentSeries } from './segments.ts';

export interface Traces {
  /** Of the files in its directory. */
  readonly names: readonly string[];
  /** Where the stable name leads. */
  readonly linkTarget: string | undefined;
  readonly gaps: readonly GapRecord[];
}

/** The newest number that was given; -1 when none is known. */
export function newestGiven(series: SegmentSeries, { names, linkTarget, gaps }: Traces): number {
  const stable = basename(currentPath(series));
  const digitsOf = (name: string, pattern: RegExp): string | undefined =>
    name.startsWith(`${stable}.`) ? pattern.exec(name.slice(stable.length + 1))?.[1] : undefined;
  const named = names.map((name) => digitsOf(name, /^(0|[1-9]\d{0,14})(?:\.gz|\.marks)?$/));
  const linked = digitsOf(linkTarget ?? '', /^(0|[1-9]\d{0,14})$/);
  const digits = [...named, linked].filter((one) => one !== undefined);
  // A loop: a task may have many thousand files.
  let newest = -1;
  for (const one of digits) newest = Math.max(newest, Number(one));
  for (const gap of gaps) newest = Math.max(newest, givenBefore(gap));
  return newest;
}

/** What was dropped in front of the first byte of a segment may stand where none was made so far. */
function givenBefore({ reason, segment, offset }: GapRecord): number {
  return reason === 'disk-full' && offset === 0 ? segment - 1 : segment;
}
