import { readlink } from 'node:fs/promises';

import { HoldfastError } from '../errors.ts';
import { type Bounds, isBounded, type Range } from './bounds.ts';
import { formatCursor, isBefore, type Position } from './cursor.ts';
import { GapList } from './gap-list.ts';
import { newestGiven } from './given-numbers.ts';
import { rangeOf } from './range.ts';
import { currentPath, namesIn, segmentNumbers, type SegmentSeries } from './segments.ts';

interface Asked extends Bounds {
  readonly tail?: number;
  readonly origin?: 'start' | 'end';
  readonly offset?: number;
}

interface Stream {
  readonly series: SegmentSeries;
  /** Where it ends now. */
  readonly tip: Position;
  /** Where one goes on who was there before. */
  readonly after: Position | undefined;
}

/**
 * Which part of a stream is to be read. Where there is nothing of what is asked for, it begins with what comes. Throws
 * POSITION_AHEAD for a place that nothing was ever written to.
 */
export async function startOf({ series, tip, after }: Stream, asked: Asked): Promise<Range> {
  const gaps = new GapList(series);
  await gaps.refresh();
  if (after !== undefined) await assertReached(series, tip, after, gaps);
  if (tip.segment === 0 && tip.offset === 0) {
    // Nothing may be missed of what begins now, though its first segments go before they are seen; and of a task that
    // is over the last one may have gone too.
    const begin = after ?? tip;
    const isAllGone = gaps.newestGone >= begin.segment;
    return { begin, isCut: isAllGone, isAllGone };
  }
  if (!isBounded(asked)) return after === undefined ? all(series, asked, gaps) : { isCut: false };
  const range = await rangeOf(series, asked, tip);
  return { begin: tip, ...range, isCut: range.isCut && after === undefined };
}

/**
 * Everything that is kept. What rotation has taken in front of it nobody misses: it was ordered, and every long-lived
 * task would begin with a complaint. What went for another reason is told.
 */
async function all(series: SegmentSeries, asked: Asked, gaps: GapList): Promise<Range> {
  const { tail, origin, offset } = asked;
  if (tail !== undefined || origin !== undefined || offset !== undefined) return { isCut: false };
  const [segment = 0] = segmentNumbers(await namesIn(series.dir), series);
  const begin = { segment, offset: 0 };
  if (gaps.cutAt(begin) !== undefined) return { begin, isCut: false };
  const isCut = gaps.before(segment).reason !== 'rotated';
  return isCut ? { begin, isCut } : { isCut };
}

async function assertReached(
  series: SegmentSeries,
  tip: Position,
  after: Position,
  gaps: GapList,
): Promise<void> {
  if (!isBefore(tip, after)) return;
  // Its file may be gone, or have been cut.
  const names = await namesIn(series.dir);
  const linkTarget = await readlink(currentPath(series)).catch(() => undefined);
  const newest = newestGiven(series, { names, linkTarget, gaps: gaps.records });
  const isReached =
    after.segment === tip.segment
      ? after.offset <= gaps.endOfCuts(tip.segment)
      : after.segment <= newest || (after.segment === newest + 1 && after.offset === 0);
  if (isReached) return;
  const [place, head] = [after, tip].map((at) => formatCursor({ [series.stream]: at }));
  const text = `nothing was ever written at ${place}: the output ends at ${head}`;
  throw new HoldfastError(
    'POSITION_AHEAD',
    `${text}. Ask without the cursor, for all that is kept`,
    {
      details: { head },
    },
  );
}
