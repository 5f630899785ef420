import { isBefore, type Position } from './cursor.ts';
import { type GapReason, type GapRecord, parseGaps } from './gaps.ts';
import { openFile } from './segment-bytes.ts';
import { gapsPath, type SegmentSeries } from './segments.ts';
import type { Hole } from './series-reader.ts';

/** Of a larger file the oldest records are not looked at. */
const MOST_BYTES = 1_048_576;

/** A file that was not written for so long has another time when it is written again. */
const SETTLED_MS = 50;

/** Output that is not there any more. */
export interface Missing {
  readonly reason: GapReason | 'rotated' | 'damaged';
  /** Null when nobody knows. */
  readonly bytes: number | null;
}

/** What was recorded as lost from a stream; looked up again whenever the file has changed. */
export class GapList {
  readonly #path: string;
  #seen = '';
  /** Recorded at a place between bytes, and instead of whole segments. */
  #dropped: readonly GapRecord[] = [];
  #gone: readonly GapRecord[] = [];

  constructor(series: SegmentSeries) {
    this.#path = gapsPath(series);
  }

  async refresh(): Promise<void> {
    const file = await openFile(this.#path);
    if (file === undefined || file === 'no file') return;
    try {
      const { size, mtimeMs, ino } = await file.stat();
      const seen = `${ino}:${size}:${mtimeMs}`;
      if (seen === this.#seen) return;
      // A record grows in its place, and two writes of one moment have one time.
      const isSettled = Date.now() - mtimeMs > SETTLED_MS;
      const bytes = Math.min(size, MOST_BYTES);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, size - bytes);
      const records = parseGaps(buffer.toString('utf8', 0, bytesRead));
      this.#dropped = records.filter(({ reason }) => reason === 'disk-full');
      this.#gone = records.filter(({ reason }) => reason !== 'disk-full');
      this.#seen = isSettled ? seen : '';
    } finally {
      await file.close();
    }
  }

  /** The first record of bytes that should stand at this place of which not all were told, with what is left. */
  dueAt({ segment, offset, told = 0 }: Position): GapRecord | undefined {
    let leftToTell = -told;
    for (const record of this.#dropped) {
      if (record.segment !== segment || record.offset !== offset) continue;
      leftToTell += record.bytes;
      if (leftToTell > 0) return { ...record, bytes: leftToTell };
    }
    return undefined;
  }

  /** Where in the segment, behind the offset, the next bytes are missing. */
  nextIn({ segment, offset }: Position): number {
    const later = this.#dropped.filter((one) => one.segment === segment && one.offset > offset);
    return Math.min(Infinity, ...later.map((one) => one.offset));
  }

  /** The end of what somebody cut out of a segment, when this place lies in it. */
  cutAt({ segment, offset }: Position): Position | undefined {
    const ends = this.#cuts(segment)
      .filter((cut) => cut.offset <= offset)
      .map((cut) => cut.offset + cut.bytes);
    const end = Math.max(offset, ...ends);
    return end > offset ? { segment, offset: end } : undefined;
  }

  /** Behind the last byte that is known to have been in a segment and is not any more; 0 when there is none. */
  endOfCuts(segment: number): number {
    return Math.max(0, ...this.#cuts(segment).map(({ offset, bytes }) => offset + bytes));
  }

  #cuts(segment: number): GapRecord[] {
    return this.#gone.filter((one) => one.reason === 'removed' && one.segment === segment);
  }

  /** Why segments are not there, and how much was in them if all of it is known. */
  explain({ from, nextSegment, why, hasOlder }: Hole): Missing {
    if (why === 'damaged') return { reason: 'damaged', bytes: null };
    const next = { segment: nextSegment, offset: 0 };
    const gone = this.#gone.filter((one) => one.segment >= from.segment && isBefore(one, next));
    const [first] = gone;
    // Rotation removes the oldest.
    if (first === undefined) return { reason: hasOlder ? 'removed' : 'rotated', bytes: null };
    // One that was recorded twice went once: whoever removed it was killed in between.
    const sizes = new Map(gone.map((one) => [one.segment, one.offset + one.bytes]));
    const isAllKnown =
      sizes.size === nextSegment - from.segment && gone.every(({ bytes }) => bytes > 0);
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, -from.offset);
    return { reason: first.reason, bytes: isAllKnown ? Math.max(0, bytes) : null };
  }

  /** Why what stood in front of the oldest segment is not there. */
  before(segment: number): Missing {
    const record = this.#gone.find((one) => one.segment === segment - 1);
    if (record === undefined) return { reason: 'rotated', bytes: null };
    const from = { segment: 0, offset: 0 };
    const hole = {
      kind: 'hole',
      from,
      nextSegment: segment,
      why: 'gone',
      hasOlder: false,
    } as const;
    return { reason: record.reason, bytes: this.explain(hole).bytes };
  }

  /** The newest segment that was removed and is recorded; -1 when none was. */
  get newestGone(): number {
    return Math.max(-1, ...this.#gone.map(({ segment }) => segment));
  }

  /** All records. */
  get records(): readonly GapRecord[] {
    return [...this.#dropped, ...this.#gone];
  }
}
