import { isBefore, type Position } from './cursor.ts';
import { isDamage, openSegment, type SegmentBytes } from './segment-bytes.ts';
import { takenNumbers, type SegmentSeries } from './segments.ts';

export type Portion =
  | { readonly kind: 'bytes'; readonly at: Position; readonly data: Uint8Array }
  | Hole;

/** Output between two places that cannot be read. */
export interface Hole {
  readonly kind: 'hole';
  readonly from: Position;
  /** The segment at whose beginning reading goes on. */
  readonly nextSegment: number;
  /** Why: its segments are not there, or what is in them cannot be understood. */
  readonly why: 'gone' | 'damaged';
  /** Are segments there that are older than what is not? */
  readonly hasOlder: boolean;
}

/**
 * Reads one stream from a place on, segment after segment. It keeps the segment open that it is in, so one that is
 * removed or compressed while it is read is still read to its end.
 */
export class SeriesReader {
  readonly #series: SegmentSeries;
  #position: Position | undefined;
  #end: Position | undefined;
  #file: SegmentBytes | undefined;
  /** A later segment was there before the last bytes of this one were asked for, so they were its last. */
  #finalRead = false;

  /** Without a `position` it begins at the oldest byte there is; with an `end` it goes no further. */
  constructor(series: SegmentSeries, position?: Position, end?: Position) {
    this.#series = series;
    this.#position = position;
    this.#end = end;
  }

  /** The place after the last portion. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** From now on there is an end. */
  endAt(end: Position): void {
    if (this.#end === undefined || isBefore(end, this.#end)) this.#end = end;
  }

  /** The next portion, or undefined when there is none yet. */
  async read(): Promise<Portion | undefined> {
    while (!this.isAtEnd) {
      this.#position ??= await this.#oldest();
      if (this.#position === undefined) return undefined;
      const at = this.#position;
      const data = await this.#readOn(at);
      if (data === 'damaged') return this.#skip(at);
      if (data !== undefined) return { kind: 'bytes', at, data };
      const step = await this.#advance(at);
      if (step === 'stay') return undefined;
      if (step !== 'again') return step;
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  get isAtEnd(): boolean {
    if (this.#end === undefined || this.#position === undefined) return false;
    return !isBefore(this.#position, this.#end);
  }

  async #oldest(): Promise<Position | undefined> {
    const [segment] = await takenNumbers(this.#series);
    return segment === undefined ? undefined : { segment, offset: 0 };
  }

  async #readOn(position: Position): Promise<Uint8Array | 'damaged' | undefined> {
    const { segment, offset } = position;
    this.#file ??= await openSegment(this.#series, position);
    const end = segment === this.#end?.segment ? this.#end : undefined;
    try {
      const data = await this.#file?.read(end && end.offset - offset);
      if (data !== undefined) this.#position = { segment, offset: offset + data.length };
      return data;
    } catch (error) {
      if (isDamage(error)) return 'damaged';
      throw error;
    }
  }

  /** What is left of a segment that cannot be understood. */
  async #skip(from: Position): Promise<Hole> {
    await this.close();
    this.#finalRead = false;
    const nextSegment = from.segment + 1;
    this.#position = { segment: nextSegment, offset: 0 };
    return { kind: 'hole', from, nextSegment, why: 'damaged', hasOlder: false };
  }

  /**
   * Goes to the next segment when this one is read to its end. A segment is complete once a later one exists, which
   * must be seen before its last bytes are read: so the first time the answer is to read once more.
   */
  async #advance(position: Position): Promise<Hole | 'again' | 'stay'> {
    const numbers = await takenNumbers(this.#series);
    const later = numbers.find((number) => number > position.segment);
    if (later === undefined) return 'stay';
    if (this.#file !== undefined && !this.#finalRead) {
      this.#finalRead = true;
      return 'again';
    }
    const wasRead = this.#finalRead;
    this.#finalRead = false;
    await this.close();
    this.#position = { segment: later, offset: 0 };
    if (wasRead && later === position.segment + 1) return 'again';
    const from = wasRead ? { segment: position.segment + 1, offset: 0 } : position;
    const hasOlder = (numbers[0] ?? later) < from.segment;
    return { kind: 'hole', from, nextSegment: later, why: 'gone', hasOlder };
  }
}
