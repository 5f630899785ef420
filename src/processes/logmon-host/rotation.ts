/**
 * Where a stream of output is cut into segments: pure decisions over sizes and bytes.
 *
 * What they promise: no segment is longer than its limit; no segment ends early while the next line would fit; lines of
 * up to `holdBytes` are never cut. A longer line is kept whole when all of it can be seen at once, and a line longer
 * than a whole segment is cut at the limit.
 */

const NEWLINE = 10;

/** This close to the limit bytes are looked at before they are moved. */
const LOOK_BYTES = 65_536;

/** At most this much of a line may still come after its beginning was moved. */
const HOLD_BYTES = 32_768;

export interface Segment {
  /** The true size of the file. */
  readonly sizeBytes: number;
  readonly limitBytes: number;
}

/** What may be done with the next bytes before any of them is known. */
export type Plan =
  /** Move up to so many without looking: they end far from the limit. */
  | { readonly kind: 'move'; readonly bytes: number }
  /** Look at up to so many, then ask `cut`. */
  | { readonly kind: 'look'; readonly bytes: number }
  | { readonly kind: 'rotate' };

export function plan({ sizeBytes, limitBytes }: Segment): Plan {
  const roomBytes = limitBytes - sizeBytes;
  if (roomBytes <= 0) return { kind: 'rotate' };
  if (roomBytes > LOOK_BYTES) return { kind: 'move', bytes: roomBytes - LOOK_BYTES };
  return { kind: 'look', bytes: roomBytes };
}

/** A line must keep so much room behind a part of it that is moved: half of a segment when that is less. */
export function holdBytes(limitBytes: number): number {
  return Math.min(HOLD_BYTES, Math.floor(limitBytes / 2));
}

export interface Sight extends Segment {
  /** The next bytes of the stream, at most as many as `plan` said. */
  readonly seen: Uint8Array;
  /** Is the segment empty, or its last byte a newline? */
  readonly atLineStart: boolean;
  /** May the end of an unfinished line be waited for? */
  readonly patient: boolean;
}

export type Cut =
  | { readonly kind: 'move'; readonly bytes: number }
  | { readonly kind: 'rotate' }
  /** The stream rests in the middle of a line that may turn out not to fit. Nothing is moved. */
  | { readonly kind: 'hold' };

/** What to do with the bytes seen. The line that is cut is always one of which no whole end was in sight. */
export function cut({ seen, sizeBytes, limitBytes, atLineStart, patient }: Sight): Cut {
  const roomBytes = limitBytes - sizeBytes;
  const wholeLines = seen.lastIndexOf(NEWLINE) + 1;
  const fills = seen.length >= roomBytes;
  const mayMoveAll = !fills && roomBytes - seen.length >= holdBytes(limitBytes);
  if (wholeLines === seen.length || mayMoveAll) return { kind: 'move', bytes: seen.length };
  if (wholeLines > 0) return { kind: 'move', bytes: wholeLines };
  // No line ends here. One that began in this segment, or fills it alone, has nowhere else to go.
  if (sizeBytes === 0 || !atLineStart) {
    return fills || !atLineStart || !patient
      ? { kind: 'move', bytes: seen.length }
      : { kind: 'hold' };
  }
  return fills || !patient ? { kind: 'rotate' } : { kind: 'hold' };
}
