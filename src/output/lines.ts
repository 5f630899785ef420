/** Chunks of output as lines: pure, for the command and for whoever shows output line by line. */
import { formatCursor, parseCursor, type Position, type Positions } from './cursor.ts';
import type { OutputStream } from './segments.ts';

const NEWLINE = 10;
/** Of a longer line no more is kept in memory: it comes in parts. */
export const LONGEST_LINE_BYTES = 1_048_576;

/** What is needed of a chunk of `readOutput` or of `Orchestrator.logs`. */
export interface Chunk {
  readonly stream: OutputStream;
  readonly data: Uint8Array;
  readonly cursor: string;
  readonly run: number;
}

/** A line, or a part of one. `of` is the chunk in which it begins. */
export interface Line<C extends Chunk> {
  readonly of: C;
  /** Without the newline at its end. */
  readonly data: Uint8Array;
  /** No newline follows: the line is longer than it may be, or was never ended. */
  readonly isPartial: boolean;
  /** The place behind this line in every stream: in front of what has not come as a line yet. */
  readonly cursor: string;
}

interface Unfinished<C extends Chunk> {
  readonly of: C;
  readonly parts: Uint8Array[];
  sizeBytes: number;
  /** The place behind what has come of it. */
  after: Position | undefined;
}

/**
 * Joins and cuts the chunks of one task into lines. All bytes come, in order: the lines of a stream with a newline
 * behind each that is not partial are what was written. A line ends where another run begins to write, and at a gap.
 */
export class LineSplitter<C extends Chunk> {
  readonly #unfinished = new Map<OutputStream, Unfinished<C>>();
  /** In front of what has not come as a line yet. */
  #places: Positions = {};

  /** The lines that end with this chunk, or in front of the gap that it tells of. */
  *push(chunk: C): Generator<Line<C>, void> {
    const { stream, data, run } = chunk;
    const { [stream]: after, ...others } = parseCursor(chunk.cursor);
    const held = [...this.#unfinished.keys()].map((one) => [one, this.#places[one]]);
    this.#places = { ...this.#places, ...others, ...Object.fromEntries(held) };
    const open = this.#unfinished.get(stream);
    if (open !== undefined && (data.length === 0 || open.of.run !== run)) {
      yield this.#end(stream, open);
    }
    if (data.length === 0) this.#places = { ...this.#places, ...(after && { [stream]: after }) };
    for (let at = 0; at < data.length;) at = yield* this.#take(chunk, at, after);
  }

  /** What was never ended, when nothing more comes. */
  *flush(): Generator<Line<C>, void> {
    for (const [stream, open] of this.#unfinished) yield this.#end(stream, open);
  }

  /** The place in front of what has not come as a line yet: of a chunk that tells of a gap, behind it. */
  get cursor(): string {
    return formatCursor(this.#places);
  }

  /** Takes bytes up to the end of a line, of the chunk or of what a line may have; returns where they end. */
  *#take(chunk: C, at: number, after: Position | undefined): Generator<Line<C>, number> {
    const { stream, data } = chunk;
    const held = this.#unfinished.get(stream);
    const room = LONGEST_LINE_BYTES - (held?.sizeBytes ?? 0);
    const newline = data.subarray(at, at + room + 1).indexOf(NEWLINE);
    const end = newline < 0 ? Math.min(data.length, at + room) : at + newline;
    const isEnded = newline >= 0;
    const behind = isEnded ? end + 1 : end;
    const place = back(after, data.length - behind);
    if (held === undefined && isEnded) {
      yield this.#line(chunk, data.subarray(at, end), place, false);
      return behind;
    }
    const open = held ?? this.#begin(chunk, back(after, data.length - at));
    open.parts.push(data.subarray(at, end));
    open.sizeBytes += end - at;
    open.after = place;
    // A line of just that length may end with the next byte.
    const isTooLong = !isEnded && behind < data.length;
    if (isEnded || isTooLong) yield this.#end(stream, open, isTooLong);
    return behind;
  }

  #begin(chunk: C, at: Position | undefined): Unfinished<C> {
    const { stream } = chunk;
    const place = this.#places[stream];
    const isThere = place?.segment === at?.segment && place?.offset === at?.offset;
    if (!isThere && at !== undefined) this.#places = { ...this.#places, [stream]: at };
    const open = { of: chunk, parts: [], sizeBytes: 0, after: at };
    this.#unfinished.set(stream, open);
    return open;
  }

  #end(stream: OutputStream, open: Unfinished<C>, isPartial = true): Line<C> {
    this.#unfinished.delete(stream);
    const [first = new Uint8Array(), ...more] = open.parts;
    const data = more.length === 0 ? first : Buffer.concat(open.parts);
    return this.#line(open.of, data, open.after, isPartial);
  }

  #line(of: C, data: Uint8Array, after: Position | undefined, isPartial: boolean): Line<C> {
    if (after !== undefined) this.#places = { ...this.#places, [of.stream]: after };
    return new PlacedLine(of, data, isPartial, this.#places);
  }
}

/** Most lines are never asked for their cursor. */
class PlacedLine<C extends Chunk> implements Line<C> {
  readonly of: C;
  readonly data: Uint8Array;
  readonly isPartial: boolean;
  readonly #places: Positions;

  constructor(of: C, data: Uint8Array, isPartial: boolean, places: Positions) {
    this.of = of;
    this.data = data;
    this.isPartial = isPartial;
    this.#places = places;
  }

  get cursor(): string {
    return formatCursor(this.#places);
  }
}

/** So many bytes in front of a place; a chunk lies in one segment. */
function back(place: Position | undefined, bytes: number): Position | undefined {
  if (place === undefined || bytes === 0) return place;
  return { segment: place.segment, offset: place.offset - bytes };
}
