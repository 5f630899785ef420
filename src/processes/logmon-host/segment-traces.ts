/** What one who opens a stream finds of it: its segments, and the numbers that are not to be given again. */
import { closeSync, constants, fstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { messageOf } from '../../errors.ts';
import { newestGiven } from '../../output/given-numbers.ts';
import { MARK_BYTES } from '../../output/marks.ts';
import { currentPath, segmentNumbers, type SegmentSeries } from '../../output/segments.ts';
import { appendGap, recordedGaps } from './gap-book.ts';
import { openOwn } from './own-file.ts';
import { targetOf } from './segment-files.ts';
import { removeLeftovers } from './segment-leftovers.ts';

export interface SegmentTraces {
  /** Of the segments on disk, ascending. */
  readonly numbers: number[];
  /** The newest number that was ever given; -1 when none was. */
  readonly newest: number;
}

/**
 * Removes what one that was killed left behind. The newest segment may have been removed while nobody wrote it: then
 * that is recorded. Throws what listing the directory throws.
 */
export function findTraces(series: SegmentSeries, report: (line: string) => void): SegmentTraces {
  const names = readdirSync(series.dir);
  const numbers = segmentNumbers(names, series);
  const gaps = recordedGaps(series);
  const told = names.filter((name) => !isStrange(series, name, numbers.at(-1) ?? -1));
  const newest = newestGiven(series, { names: told, linkTarget: linkTargetOf(series), gaps });
  removeLeftovers(series, names, numbers, newest);
  const isTold = gaps.some(({ reason, segment }) => reason !== 'disk-full' && segment === newest);
  if (newest > (numbers.at(-1) ?? -1) && !isTold)
    recordRemoved(series, { segment: newest }, report);
  return { numbers, newest };
}

/** Marks behind the newest segment that none of us wrote tell nothing: somebody may put anything there. */
function isStrange(series: SegmentSeries, name: string, newest: number): boolean {
  const prefix = `${series.stem}.${series.stream}.`;
  const digits = name.startsWith(prefix) && /^(\d+)\.marks$/.exec(name.slice(prefix.length))?.[1];
  if (typeof digits !== 'string' || Number(digits) <= newest) return false;
  const fd = openOwn(join(series.dir, name), constants.O_RDONLY);
  if (fd === undefined) return true;
  const { size } = fstatSync(fd);
  closeSync(fd);
  return size < MARK_BYTES;
}

function linkTargetOf(series: SegmentSeries): string | undefined {
  try {
    return targetOf(currentPath(series));
  } catch {
    // It tells nothing then.
    return undefined;
  }
}

export interface Loss {
  readonly segment: number;
  readonly offset?: number;
  /** 0, or left out, when nobody knows. */
  readonly bytes?: number;
  readonly run?: number;
}

/** Nothing stops for a record of what is gone already: readers tell a hole without one too, but not its size. */
export function recordRemoved(
  series: SegmentSeries,
  { segment, offset = 0, bytes = 0, run = 0 }: Loss,
  report: (line: string) => void,
): void {
  const name = `${series.stem}.${series.stream}`;
  const now = Date.now();
  report(`${name}: segment ${segment} is not what was written: ${bytes} bytes of it are gone`);
  try {
    const place = { segment, offset, bytes, run };
    appendGap(series, { reason: 'removed', ...place, from: now, until: now });
  } catch (error) {
    report(`${name}: a gap is not recorded: ${messageOf(error)}`);
  }
}
