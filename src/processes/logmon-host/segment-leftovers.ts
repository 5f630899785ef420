/** What one that was killed left beside the segments of a stream. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';

import { removeFileIfPossible } from '../../os/atomic-file.ts';
import { packedPath, segmentPath, type SegmentSeries } from '../../output/segments.ts';
import { bytesPacked } from './segment-files.ts';

/**
 * `numbers` are those of the segments among `names`, ascending; the last one may still grow. The marks of the `newest`
 * that was ever given stay: they may be all that tells of its number.
 */
export function removeLeftovers(
  series: SegmentSeries,
  names: readonly string[],
  numbers: readonly number[],
  newest: number,
): void {
  const present = new Set([...numbers, newest]);
  const prefix = `${series.stem}.${series.stream}.`;
  for (const name of names.filter((one) => one.startsWith(prefix))) {
    const match = /^(\d{1,15})\.(marks|gz\.part)$/.exec(name.slice(prefix.length));
    if (match === null || (match[2] === 'marks' && present.has(Number(match[1])))) continue;
    removeFileIfPossible(join(series.dir, name));
  }
  const there = new Set(names);
  for (const number of numbers.slice(0, -1)) {
    if (there.has(`${prefix}${number}`) && there.has(`${prefix}${number}.gz`))
      removePacked(series, number);
  }
}

/** Both are there: the compressed one is whole, since it has its name, unless somebody else made it. */
function removePacked(series: SegmentSeries, number: number): void {
  const plain = lstatSync(segmentPath(series, number), { throwIfNoEntry: false });
  const packed = lstatSync(packedPath(series, number), { throwIfNoEntry: false });
  if (plain?.isFile() !== true || packed?.isFile() !== true) return;
  const isOfIt =
    bytesPacked(packedPath(series, number)) === plain.size && packed.mtimeMs >= plain.mtimeMs;
  if (isOfIt) removeFileIfPossible(segmentPath(series, number));
}
