import { HoldfastError } from '../errors.ts';
import type { OutputStream } from './segments.ts';

/** A place in one stream: before the byte `offset` of the segment. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
}

/** The places in both streams; a stream without one has not begun. */
export type Positions = Partial<Record<OutputStream, Position>>;

/** `stdout:3:1024,stderr:0:17`. Opaque to everybody but this file. */
export function formatCursor(positions: Positions): string {
  return (['stdout', 'stderr'] as const)
    .flatMap((stream) => {
      const at = positions[stream];
      return at === undefined ? [] : [`${stream}:${at.segment}:${at.offset}`];
    })
    .join(',');
}

/** The reverse. Throws USAGE for a text that `formatCursor` did not make. */
export function parseCursor(cursor: string): Positions {
  const positions: Positions = {};
  if (cursor === '') return positions;
  for (const part of cursor.split(',')) {
    const match = /^(stdout|stderr):(\d{1,15}):(\d{1,15})$/.exec(part);
    if (match === null) throw new HoldfastError('USAGE', `not a place in an output: ${cursor}`);
    const stream = match[1] === 'stdout' ? 'stdout' : 'stderr';
    positions[stream] = { segment: Number(match[2]), offset: Number(match[3]) };
  }
  return positions;
}
