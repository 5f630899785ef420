import { HoldfastError } from '../errors.ts';
import type { OutputStream } from './segments.ts';

/** A place in one stream: before the byte `offset` of the segment, counted in what the program wrote. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
  /** How many of the bytes that are missing at this place have been told of; nothing is none. */
  readonly told?: number;
}

/** The places in both streams; a stream without one has not begun. */
export type Positions = Partial<Record<OutputStream, Position>>;

export function isBefore(one: Position, other: Position): boolean {
  return (
    one.segment < other.segment || (one.segment === other.segment && one.offset < other.offset)
  );
}

/** `stdout:3:1024,stderr:0:17`, and `:512` behind it when so many missing bytes were told of there. */
export function formatCursor(positions: Positions): string {
  return (['stdout', 'stderr'] as const)
    .flatMap((stream) => {
      const at = positions[stream];
      if (at === undefined) return [];
      return [[stream, at.segment, at.offset, ...(at.told ? [at.told] : [])].join(':')];
    })
    .join(',');
}

/** The reverse. Throws USAGE for a text that `formatCursor` did not make. */
export function parseCursor(cursor: string): Positions {
  const positions: Positions = {};
  if (cursor === '') return positions;
  for (const part of cursor.split(',')) {
    const match = /^(stdout|stderr):(\d{1,15}):(\d{1,15})(?::([1-9]\d{0,14}))?$/.exec(part);
    if (match === null) throw new HoldfastError('USAGE', `not a place in an output: ${cursor}`);
    const place = { segment: Number(match[2]), offset: Number(match[3]) };
    const told = match[4] === undefined ? {} : { told: Number(match[4]) };
    positions[match[1] === 'stdout' ? 'stdout' : 'stderr'] = { ...place, ...told };
  }
  return positions;
}
