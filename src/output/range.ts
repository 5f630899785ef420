import { type Bounds, type Range, RangeFinder, type Stretch } from './bounds.ts';
import type { Position } from './cursor.ts';
import { MarkIndex } from './mark-index.ts';
import type { Mark } from './marks.ts';
import { lastWriteOf, sizeOf } from './segment-bytes.ts';
import { takenNumbers, type SegmentSeries } from './segments.ts';

/** Which part of a stream is asked for, as it is on disk now; `tip` is its end. Reads marks, no output. */
export async function rangeOf(
  series: SegmentSeries,
  bounds: Bounds,
  tip: Position,
): Promise<Range> {
  const finder = new RangeFinder(bounds);
  for (const segment of await takenNumbers(series)) {
    const index = new MarkIndex(series, segment);
    try {
      await index.refresh();
      const { marks } = index;
      if (marks[0]?.offset !== 0) {
        // One that has just begun says nothing: what comes has its marks first.
        if ((await sizeOf(series, segment)) === 0) continue;
        await index.refresh();
        // An older release wrote it, or the marks were lost.
        if (marks[0]?.offset !== 0) finder.add(await unmarked(series, segment));
      }
      for (const mark of marks) finder.add(stretchOf(segment, mark));
    } finally {
      await index.close();
    }
  }
  return finder.range(tip);
}

function stretchOf(segment: number, { offset, run, ...time }: Mark): Stretch {
  return { at: { segment, offset }, run, ...timeOf(time) };
}

/** What a mark says, or that there is none. */
export function timeOf(mark: Pick<Mark, 'at' | 'spanMs'> | undefined): {
  earliestMs: number;
  latestMs: number;
} {
  if (mark === undefined) return { earliestMs: -Infinity, latestMs: Infinity };
  return { earliestMs: mark.at, latestMs: mark.at + mark.spanMs };
}

async function unmarked(series: SegmentSeries, segment: number): Promise<Stretch> {
  const latestMs = (await lastWriteOf(series, segment)) ?? Infinity;
  return { at: { segment, offset: 0 }, run: 0, earliestMs: -Infinity, latestMs };
}
