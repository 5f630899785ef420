/** What is missing from a stream and was not removed by its own rotation: JSON lines in a file beside the segments. */

export type GapReason =
  /** The disk took nothing more, and the task's log policy is to drop. */
  | 'disk-full'
  /** The logs of this machine were over their budget. */
  | 'budget'
  /** Somebody else removed, replaced or cut the file while it was being written. */
  | 'removed';

const REASONS: ReadonlySet<unknown> = new Set<GapReason>(['disk-full', 'budget', 'removed']);

export interface GapRecord {
  readonly reason: GapReason;
  /** The place of the first missing byte. */
  readonly segment: number;
  readonly offset: number;
  /** How many bytes are missing; 0 for a segment that was removed while nobody knew what was in it. */
  readonly bytes: number;
  /** When the first and the last of them were thrown away, or missed, in milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
  readonly run: number;
}

export function formatGap(gap: GapRecord): string {
  return `${JSON.stringify(gap)}\n`;
}

/** Lines that make no sense are left out: a file that was cut off gives fewer gaps. */
export function parseGaps(text: string): GapRecord[] {
  return text.split('\n').flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return isGap(value) ? [value] : [];
    } catch {
      return [];
    }
  });
}

/**
 * Fewer records that say the same of segments, for a file that grew: what followed each other for one reason becomes
 * one, from the first missing byte on.
 */
export function mergeGaps(gaps: readonly GapRecord[]): GapRecord[] {
  const merged: GapRecord[] = [];
  const inOrder = gaps.toSorted((a, b) => a.segment - b.segment || a.offset - b.offset);
  // The newest stays as it is: its number may be known from nowhere else.
  const newest = inOrder.at(-1);
  for (const gap of inOrder) {
    const last = merged.at(-1);
    const areBudget = last?.reason === 'budget' && gap.reason === 'budget';
    if (last === undefined || !areBudget || gap === newest) merged.push(gap);
    else merged[merged.length - 1] = joined(last, gap);
  }
  return merged;
}

function joined(first: GapRecord, next: GapRecord): GapRecord {
  return {
    ...first,
    bytes: first.bytes + next.bytes,
    from: Math.min(first.from, next.from),
    until: Math.max(first.until, next.until),
  };
}

function isGap(value: unknown): value is GapRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { reason, ...numbers } = value as Partial<Record<keyof GapRecord, unknown>>;
  const { segment, offset, bytes, from, until, run } = numbers;
  return (
    REASONS.has(reason) &&
    [segment, offset, bytes, from, until, run].every(
      (number) => Number.isSafeInteger(number) && Number(number) >= 0,
    )
  );
}
