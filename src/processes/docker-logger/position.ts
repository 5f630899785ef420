/** How far a stream of a container's log was moved, in words of the engine's log. */

export interface Position {
  /** Nanoseconds since 1970 of the message that was moved last; 0 before the first. */
  readonly time: bigint;
  /** Which one of those with this very time it was, from 1; 0: whatever comes is new. */
  readonly nth: number;
  /** How many bytes of the message after that were moved. */
  readonly offset: number;
}

export const BEGINNING: Position = { time: 0n, nth: 0, offset: 0 };

export function formatPosition({ time, nth, offset }: Position): string {
  return `${time} ${nth} ${offset}`;
}

/** Undefined when it is none. */
export function parsePosition(text: string): Position | undefined {
  const match = /^(\d+) (\d+) (\d+)$/.exec(text);
  if (match === null) return undefined;
  const [, time = '', nth, offset] = match;
  return { time: BigInt(time), nth: Number(nth), offset: Number(offset) };
}

/** After one more message, and all of it. */
export function positionAfter(before: Position, time: bigint): Position {
  return { time, nth: time === before.time ? before.nth + 1 : 1, offset: 0 };
}
