import type { Position } from './cursor.ts';
import { sizeOf } from './segment-bytes.ts';
import { takenNumbers, type SegmentSeries } from './segments.ts';

export interface Offset {
  readonly series: SegmentSeries;
  /** The end of the stream. */
  readonly end: Position;
  readonly origin: 'start' | 'end';
  /** Counted over all segments, behind the oldest byte or in front of the end. */
  readonly bytes: number;
}

/** The place that many bytes away; undefined, which is the oldest byte, where the stream has not so many or none. */
export async function placeAt({
  series,
  end,
  origin,
  bytes,
}: Offset): Promise<Position | undefined> {
  const numbers = (await takenNumbers(series)).filter((number) => number <= end.segment);
  let left = bytes;
  for (const segment of origin === 'start' ? numbers : numbers.toReversed()) {
    const size = segment === end.segment ? end.offset : await sizeOf(series, segment);
    if (left <= size) return { segment, offset: origin === 'start' ? left : size - left };
    left -= size;
  }
  return origin === 'end' || numbers.length === 0 ? undefined : end;
}
