import type { FileHandle } from 'node:fs/promises';

import type { Position } from './cursor.ts';
import { MarkIndex } from './mark-index.ts';
import { isDamage, openFile, openSegment } from './segment-bytes.ts';
import { segmentPath, takenNumbers, type OutputStream, type SegmentSeries } from './segments.ts';

const NEWLINE = 10;
const BLOCK_BYTES = 65_536;
/** Of a compressed segment, which can only be read forwards, so many line ends are kept at a time. */
const WINDOW_LINES = 65_536;

/** A part of a stream; without a `begin` from its oldest byte. */
export interface Part {
  readonly series: SegmentSeries;
  readonly begin?: Position;
  readonly end: Position;
}

interface LineStart {
  readonly place: Position;
  /** Undefined when it is not known. */
  readonly at: number | undefined;
}

/**
 * Where to begin in each stream so that the last `lines` lines of all parts come: the newest by the time of their first
 * bytes; where that does not tell, the streams have them in turns. A part without one of them begins at its end. Text
 * after the last newline counts as a line. What is older is not read.
 */
export async function tailPositions(
  parts: readonly Part[],
  lines: number,
): Promise<Partial<Record<OutputStream, Position>>> {
  const tails = parts.map(({ series, begin, end }) => ({
    stream: series.stream,
    lines: lineStarts({ series, end, ...(begin === undefined ? {} : { begin }) }),
    head: undefined as LineStart | undefined,
    place: end,
    count: 0,
  }));
  try {
    for (const tail of tails) if (lines > 0) tail.head = await nextOf(tail.lines);
    for (let taken = 0; taken < lines; taken += 1) {
      const heads = tails.filter(({ head }) => head !== undefined);
      const [first, second] = heads;
      if (first?.head === undefined) break;
      const tail = second !== undefined && isNewer(second, first) ? second : first;
      tail.place = tail.head?.place ?? tail.place;
      tail.count += 1;
      tail.head = await nextOf(tail.lines);
    }
  } finally {
    for (const tail of tails) await tail.lines.return();
  }
  return Object.fromEntries(tails.map(({ stream, place }) => [stream, place]));
}

interface Candidate {
  readonly head: LineStart | undefined;
  readonly count: number;
}

function isNewer(one: Candidate, other: Candidate): boolean {
  const [a, b] = [one.head?.at, other.head?.at];
  if (a !== undefined && b !== undefined && a !== b) return a > b;
  return one.count <= other.count;
}

async function nextOf(lines: AsyncGenerator<LineStart, void>): Promise<LineStart | undefined> {
  const { value } = await lines.next();
  return value ?? undefined;
}

/** The beginnings of the lines of a part, the last one first. */
async function* lineStarts({ series, begin, end }: Part): AsyncGenerator<LineStart, void> {
  const first = begin ?? { segment: 0, offset: 0 };
  const times = new Times(series);
  /** The first byte behind what was looked at. */
  let following: Position | undefined;
  try {
    for (const segment of (await takenNumbers(series)).toReversed()) {
      const low = segment === first.segment ? first.offset : 0;
      const high = segment === end.segment ? end.offset : Infinity;
      if (segment < first.segment || segment > end.segment || low >= high) continue;
      let hasBytes = false;
      for await (const { ends, sizeBytes } of windowsOf(series, segment, low, high)) {
        for (const offset of ends.toReversed()) {
          const place = offset + 1 < sizeBytes ? { segment, offset: offset + 1 } : following;
          // The newline that ends the output separates nothing.
          if (place !== undefined) yield { place, at: await times.of(place) };
        }
        hasBytes = true;
      }
      if (hasBytes) following = { segment, offset: low };
    }
    if (following !== undefined) yield { place: following, at: await times.of(following) };
  } finally {
    await times.close();
  }
}

/** Places of newlines, ascending, in a part of a segment; windows come from the last one to the first. */
interface Window {
  readonly ends: readonly number[];
  /** Where the part ends that is there. */
  readonly sizeBytes: number;
}

/** None when the part is empty, or the segment was removed meanwhile: everything older is gone then too. */
async function* windowsOf(
  series: SegmentSeries,
  segment: number,
  low: number,
  high: number,
): AsyncGenerator<Window, void> {
  const plain = await openFile(segmentPath(series, segment));
  if (plain === 'no file') return;
  if (plain === undefined) return yield* packedWindows(series, segment, low, high);
  try {
    const sizeBytes = Math.min(high, (await plain.stat()).size);
    for (let end = sizeBytes; end > low; end -= BLOCK_BYTES) {
      const begin = Math.max(low, end - BLOCK_BYTES);
      yield { ends: newlines(await blockOf(plain, begin, end), begin), sizeBytes };
    }
  } finally {
    await plain.close();
  }
}

async function blockOf(file: FileHandle, begin: number, end: number): Promise<Uint8Array> {
  const room = Buffer.alloc(end - begin);
  const { buffer, bytesRead } = await file.read(room, 0, room.length, begin);
  return buffer.subarray(0, bytesRead);
}

/** Reads the segment once for every window. */
async function* packedWindows(
  series: SegmentSeries,
  segment: number,
  low: number,
  high: number,
): AsyncGenerator<Window, void> {
  let sizeBytes = -1;
  for (let end = high; ;) {
    const { ends, behind, isFirst } = await lastNewlines(series, { segment, offset: low }, end);
    if (sizeBytes < 0) sizeBytes = behind;
    if (behind > low) yield { ends, sizeBytes };
    if (isFirst) return;
    end = ends[0] ?? low;
  }
}

async function lastNewlines(
  series: SegmentSeries,
  from: Position,
  end: number,
): Promise<{ ends: readonly number[]; behind: number; isFirst: boolean }> {
  const file = await openSegment(series, from);
  let [ends, behind, isFirst]: [number[], number, boolean] = [[], from.offset, true];
  try {
    while (behind < end) {
      const block = await file?.read(Math.min(BLOCK_BYTES, end - behind));
      if (block === undefined) break;
      const found = newlines(block, behind);
      behind += block.length;
      if (found.length > 0) ends = [...ends, ...found];
      if (ends.length <= WINDOW_LINES) continue;
      ends = ends.slice(-WINDOW_LINES);
      isFirst = false;
    }
  } catch (error) {
    // What is behind the damage is not there for anybody.
    if (!isDamage(error)) throw error;
  } finally {
    await file?.close();
  }
  return { ends, behind, isFirst };
}

function newlines(block: Uint8Array, begin: number): number[] {
  const ends = [];
  for (let at = block.indexOf(NEWLINE); at >= 0; at = block.indexOf(NEWLINE, at + 1)) {
    ends.push(begin + at);
  }
  return ends;
}

/** When bytes were collected. The lines of a segment come together, so the marks of one are kept. */
class Times {
  readonly #series: SegmentSeries;
  #marks: { readonly segment: number; readonly index: MarkIndex } | undefined;

  constructor(series: SegmentSeries) {
    this.#series = series;
  }

  async of({ segment, offset }: Position): Promise<number | undefined> {
    if (this.#marks?.segment !== segment) {
      await this.close();
      this.#marks = { segment, index: new MarkIndex(this.#series, segment) };
      await this.#marks.index.refresh();
    }
    return this.#marks.index.at(offset).mark?.at;
  }

  async close(): Promise<void> {
    await this.#marks?.index.close();
    this.#marks = undefined;
  }
}
