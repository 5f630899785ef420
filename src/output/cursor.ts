import { createHash } from 'node:crypto';

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
export type Positions = Partial<Record<OutputStream, Position>> & {
  /** Whose output it is (`ownerOf`); nothing in the cursors of older releases. */
  readonly owner?: string;
};

/** A short name of a task that no other one has. */
export function ownerOf(allocId: string, task: string): string {
  return createHash('sha256').update(`${allocId}/${task}`).digest('hex').slice(0, 8);
}

export function isBefore(one: Position, other: Position): boolean {
  return (
    one.segment < other.segment || (one.segment === other.segment && one.offset < other.offset)
  );
}

/**
 * `1f0c39aa@stdout:3:1024,stderr:0:17`, and `:512` behind a place when so many missing bytes were told of there; the
 * first part only when it is known whose it is.
 */
export function formatCursor(positions: Positions): string {
  const owner = positions.owner === undefined ? '' : `${positions.owner}@`;
  const places = (['stdout', 'stderr'] as const)
    .flatMap((stream) => {
      const at = positions[stream];
      if (at === undefined) return [];
      return [[stream, at.segment, at.offset, ...(at.told ? [at.told] : [])].join(':')];
    })
    .join(',');
  return places === '' ? '' : `${owner}${places}`;
}

/** The reverse. Throws USAGE for a text that `formatCursor` did not make. */
export function parseCursor(cursor: string): Positions {
  const owner = /^([0-9a-f]{8})@/.exec(cursor)?.[1];
  const positions: Positions = owner === undefined ? {} : { owner };
  if (cursor === '') return positions;
  const places = owner === undefined ? cursor : cursor.slice(owner.length + 1);
  for (const part of places.split(',')) {
    const match = /^(stdout|stderr):(\d{1,15}):(\d{1,15})(?::([1-9]\d{0,14}))?$/.exec(part);
    if (match === null) throw new HoldfastError('USAGE', `not a place in an output: ${cursor}`);
    const place = { segment: Number(match[2]), offset: Number(match[3]) };
    const told = match[4] === undefined ? {} : { told: Number(match[4]) };
    const stream = match[1] === 'stdout' ? 'stdout' : 'stderr';
    if (positions[stream] !== undefined)
      throw new HoldfastError('USAGE', `names ${stream} twice: ${cursor}`);
    positions[stream] = { ...place, ...told };
  }
  return positions;
}

/** The same for a cursor of this output, or one that does not say. Throws POSITION_AHEAD for one of another. */
export function parseOwn(cursor: string, owner: string | undefined): Positions {
  const positions = parseCursor(cursor);
  const isOther = owner !== undefined && positions.owner !== undefined && positions.owner !== owner;
  if (!isOther) return positions;
  const text = `${cursor} is a place in the output of another task. Ask for that one, or without the cursor`;
  throw new HoldfastError('POSITION_AHEAD', text, { details: { cursor } });
}
