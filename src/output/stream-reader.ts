import { type Bounds, isBounded, isWanted, type Range } from './bounds.ts';
import type { Position } from './cursor.ts';
import { GapList, type Missing } from './gap-list.ts';
import { MarkIndex } from './mark-index.ts';
import { timeOf } from './range.ts';
import type { SegmentSeries } from './segments.ts';
import { type Portion, SeriesReader } from './series-reader.ts';

/** A part of one stream that is told as one. */
export interface Piece {
  /** Bytes of one mark, at most 64 KiB; empty in front of a gap. */
  readonly data: Uint8Array;
  /** 0 when it is not known. */
  readonly run: number;
  /** When its first byte was collected, in milliseconds since 1970. */
  readonly at?: number;
  readonly gap?: Missing;
}

interface Found {
  readonly piece: Piece;
  readonly earliestMs: number;
  readonly latestMs: number;
}

const NO_BYTES = new Uint8Array();

/** One stream as pieces: cut where another mark begins and where bytes are missing, without what is not asked for. */
export class StreamReader {
  readonly #series: SegmentSeries;
  readonly #bounds: Bounds;
  readonly #reader: SeriesReader;
  readonly #gaps: GapList;
  #marks: { readonly segment: number; readonly index: MarkIndex } | undefined;
  /** What was read and not told yet. */
  #portion: Portion | undefined;
  /** The place behind the last piece. */
  #place: Position | undefined;
  #isCut: boolean;
  readonly #isAllGone: boolean;
  /** Will more be written? */
  #isOpen: boolean;
  /** A later run than the one that is asked for has written. */
  #isOver = false;

  /** Without a `begin` it begins at the oldest byte there is; `isCut` says that a gap is told in front of it. */
  constructor(series: SegmentSeries, bounds: Bounds, { begin, end, isCut, isAllGone }: Range) {
    this.#series = series;
    this.#bounds = bounds;
    this.#place = begin;
    this.#isCut = isCut;
    this.#isAllGone = isAllGone ?? false;
    this.#isOpen = end === undefined;
    this.#reader = new SeriesReader(series, begin, end);
    this.#gaps = new GapList(series);
  }

  /** Behind the last piece. To be asked when nothing is buffered, or when there was a piece. */
  get place(): Position | undefined {
    return this.#place ?? this.#reader.position;
  }

  /** Can the next piece be told without looking into a file? */
  get isBuffered(): boolean {
    return this.#portion !== undefined;
  }

  /** Nothing that is written behind this place is read. */
  endAt(end: Position): void {
    this.#isOpen = false;
    this.#reader.endAt(end);
  }

  /** Will nothing come any more, whatever is written? */
  get isOver(): boolean {
    return this.#isOver || (this.#portion === undefined && this.#reader.isAtEnd);
  }

  /** Undefined when there is nothing more (yet). */
  async next(): Promise<Piece | undefined> {
    while (!this.#isOver) {
      const portion = this.#portion ?? (await this.#fetch());
      this.#portion = this.#trimmed(portion);
      if (portion !== undefined && this.#portion === undefined) continue;
      const found = this.#cutOff() ?? this.#due() ?? this.#take();
      if (found === undefined) return undefined;
      const { piece, ...time } = found;
      if (isWanted({ ...time, run: piece.run }, this.#bounds)) return piece;
    }
    return undefined;
  }

  async close(): Promise<void> {
    await Promise.all([this.#reader.close(), this.#marks?.index.close()]);
  }

  /** What is recorded of bytes is recorded before these, so it is looked up behind them. */
  async #fetch(): Promise<Portion | undefined> {
    const portion = await this.#reader.read();
    await this.#gaps.refresh();
    if (portion?.kind === 'bytes') {
      const { segment } = portion.at;
      if (this.#marks?.segment !== segment) {
        await this.#marks?.index.close();
        this.#marks = { segment, index: new MarkIndex(this.#series, segment) };
      }
      await this.#marks.index.refresh();
    }
    return portion;
  }

  #cutOff(): Found | undefined {
    if (!this.#isCut) return undefined;
    this.#isCut = false;
    const from = this.#place ?? { segment: 0, offset: 0 };
    if (!this.#isAllGone) {
      const before = this.#gaps.before(from.segment);
      // How much of it belonged to the part that is asked for nobody knows.
      return gapPiece(isBounded(this.#bounds) ? { ...before, bytes: null } : before);
    }
    const nextSegment = this.#gaps.newestGone + 1;
    // Nothing is left, not even the newest segment.
    this.#place = { segment: nextSegment, offset: 0 };
    const gap = this.#gaps.explain({
      kind: 'hole',
      from,
      nextSegment,
      why: 'gone',
      hasOlder: false,
    });
    return gap.bytes === 0 ? undefined : gapPiece(gap);
  }

  /** A gap that was recorded at this place. */
  #due(): Found | undefined {
    const place = this.#place;
    const record = place && this.#gaps.dueAt(place);
    if (place === undefined || record === undefined) return undefined;
    // More of it may be missing soon; a follower is told when it is known what comes behind.
    if (this.#portion === undefined && this.#isOpen) return undefined;
    const { run, from, until, reason, bytes } = record;
    this.#place = { ...place, told: (place.told ?? 0) + bytes };
    const piece = { data: NO_BYTES, run, at: from, gap: { reason, bytes } };
    return { piece, earliestMs: from, latestMs: until };
  }

  #take(): Found | undefined {
    const portion = this.#portion;
    if (portion === undefined) return undefined;
    const cut = this.#cut(portion);
    if (cut !== undefined) return cut;
    if (portion.kind === 'hole') {
      this.#portion = undefined;
      this.#place = { segment: portion.nextSegment, offset: 0 };
      return gapPiece(this.#gaps.explain(portion));
    }
    if (this.#place?.segment !== portion.at.segment) this.#place = portion.at;
    return this.#due() ?? this.#takeBytes(portion.at, portion.data);
  }

  /** What somebody cut out of a segment: the file is shorter by it, or has zeros there, which are passed over. */
  #cut(portion: Portion): Found | undefined {
    const at = this.#place ?? (portion.kind === 'bytes' ? portion.at : undefined);
    const end = at && this.#gaps.cutAt(at);
    if (at === undefined || end === undefined) return undefined;
    // Of a file that is gone as a whole the hole tells. One who has it open still reads what was in it.
    const isOfIt = portion.kind === 'bytes' && portion.at.segment === at.segment;
    if (isOfIt && portion.data[0] !== 0) return undefined;
    if (portion.kind === 'hole' && portion.from.segment === at.segment) return undefined;
    this.#place = end;
    return gapPiece({ reason: 'removed', bytes: end.offset - at.offset });
  }

  /** A portion without what stands in front of the place that was told. */
  #trimmed(portion: Portion | undefined): Portion | undefined {
    if (portion?.kind !== 'bytes' || this.#place?.segment !== portion.at.segment) return portion;
    const passed = this.#place.offset - portion.at.offset;
    if (passed <= 0) return portion;
    const data = portion.data.subarray(passed);
    return data.length === 0 ? undefined : { ...portion, at: this.#place, data };
  }

  #takeBytes(at: Position, data: Uint8Array): Found | undefined {
    const { segment, offset } = at;
    const { mark, until = Infinity } = this.#marks?.index.at(offset) ?? {};
    if (this.#bounds.run !== undefined && (mark?.run ?? 0) > this.#bounds.run) {
      this.#isOver = true;
      return undefined;
    }
    const end = Math.min(offset + data.length, until, this.#gaps.nextIn(at));
    const rest = data.subarray(end - offset);
    this.#place = { segment, offset: end };
    this.#portion = rest.length === 0 ? undefined : { kind: 'bytes', at: this.#place, data: rest };
    const time = mark === undefined ? {} : { at: mark.at };
    const piece = { data: data.subarray(0, end - offset), run: mark?.run ?? 0, ...time };
    return { piece, ...timeOf(mark) };
  }
}

function gapPiece(gap: Missing): Found {
  return { piece: { data: NO_BYTES, run: 0, gap }, ...timeOf(undefined) };
}
