import { open } from 'node:fs/promises';

import type { Position } from './cursor.ts';
import { listSegments, segmentPath, type SegmentSeries } from './segments.ts';

const NEWLINE = 10;
const BLOCK_BYTES = 65_536;

/**
 * Where the last `lines` lines of a stream begin, at the oldest byte when there are fewer, undefined when there is no
 * output. Text after the last newline counts as a line.
 */
export async function tailPosition(
  series: SegmentSeries,
  lines: number,
): Promise<Position | undefined> {
  const segments = await listSegments(series);
  const newest = segments.at(-1);
  if (newest === undefined) return undefined;
  if (lines === 0) return { segment: newest.number, offset: newest.sizeBytes };
  // The newline that ends the output separates nothing; every other one in front of a wanted line does.
  let wanted = lines;
  let atEnd = true;
  for (const { number, sizeBytes } of segments.toReversed()) {
    for (let end = sizeBytes; end > 0; end -= BLOCK_BYTES) {
      const begin = Math.max(0, end - BLOCK_BYTES);
      const block = await readBlock(segmentPath(series, number), begin, end);
      for (let at = block.lastIndexOf(NEWLINE); at >= 0; at = lastNewlineBefore(block, at)) {
        const endsOutput = atEnd && at === block.length - 1;
        atEnd = false;
        if (endsOutput) continue;
        wanted -= 1;
        if (wanted === 0) return { segment: number, offset: begin + at + 1 };
      }
      atEnd = false;
    }
  }
  return { segment: segments[0]?.number ?? 0, offset: 0 };
}

function lastNewlineBefore(block: Buffer, at: number): number {
  return at === 0 ? -1 : block.lastIndexOf(NEWLINE, at - 1);
}

/** Empty when the segment was removed meanwhile: everything older is gone then too. */
async function readBlock(path: string, begin: number, end: number): Promise<Buffer> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return Buffer.alloc(0);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - begin), 0, end - begin, begin);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
