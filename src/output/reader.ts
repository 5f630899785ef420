import { setTimeout } from 'node:timers/promises';

import type { Bounds, Range } from './bounds.ts';
import { placeAt } from './byte-offset.ts';
import { formatCursor, isBefore, parseOwn, type Position, type Positions } from './cursor.ts';
import type { Missing } from './gap-list.ts';
import { endOf } from './segment-bytes.ts';
import { startOf } from './start-of.ts';
import type { OutputStream, SegmentSeries } from './segments.ts';
import { type Piece, StreamReader } from './stream-reader.ts';
import { tailPositions } from './tail.ts';

/**
 * How often a follower looks for more: soon after it found something, seldom while nothing comes. It looks instead of
 * being told: before Linux 6.6 splice(2) into a file raises no inotify event, and a user has 128 inotify instances.
 */
const SOON_MS = 10;
const SELDOM_MS = 100;
/** What a run wrote last is still on its way when the next one begins: so many looks in vain are waited for. */
const RUN_OVER_LOOKS = 10;

export interface ReadOutputOptions extends Bounds {
  /** Directory of the segments. It need not exist yet. */
  readonly dir: string;
  /** The task's name, as the segments carry it. */
  readonly stem: string;
  readonly stream: OutputStream | 'both';
  /** Go on with what is written later, instead of ending at what is there now. */
  readonly follow: boolean;
  /** Begin with the last so many lines of what is asked for, of all streams together. */
  readonly tail?: number;
  /** Begin so many bytes (`offset`) behind the oldest byte of each stream, or in front of its newest one. */
  readonly origin?: 'start' | 'end';
  readonly offset?: number;
  /** Begin at the `cursor` of a chunk, after it; with `tail`, at the last lines behind it. Both win over `origin`. */
  readonly from?: string;
  /** Whose output it is (`ownerOf`): cursors say so, and one that is of somebody else is refused. */
  readonly owner?: string;
  /** An abort ends the iteration, without an error. */
  readonly signal?: AbortSignal;
  /** For a follower: says that the task is over and its output drained, so that nothing more will be written. */
  readonly ended?: () => boolean;
  /** For a follower of one run: number of the newest one. */
  readonly newestRun?: () => number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface OutputChunk {
  readonly stream: OutputStream;
  /** Raw bytes of one mark, so of one run, at most 64 KiB; empty in a chunk that tells of a gap. */
  readonly data: Uint8Array;
  /** The place after this chunk in every stream that is read, to go on from with `from`. */
  readonly cursor: string;
  /** The run that wrote it; 0 when that is not known. */
  readonly run: number;
  /** When its first byte was collected, in milliseconds since 1970; undefined when that is not known. */
  readonly at: number | undefined;
  /** Output is missing in front of this place. */
  readonly gap?: Missing;
}

interface Lane {
  readonly series: SegmentSeries;
  readonly reader: StreamReader;
  /** The place behind what was told of this stream. */
  told: Position | undefined;
  /** The next piece, and the place behind it. */
  head: { readonly piece: Piece; readonly place: Position | undefined } | undefined;
  /** It had nothing when it was asked last. */
  isDry: boolean;
}

/**
 * What a task wrote, byte for byte, over all its segments. The order of bytes is exact within a stream; the streams of
 * `both` come in the order of their marks as far as both have something. Throws USAGE for a bad cursor, POSITION_AHEAD
 * for one of other output or behind the end of this, and what reading a file throws.
 */
export async function* readOutput(
  options: ReadOutputOptions,
): AsyncGenerator<OutputChunk, void, undefined> {
  const lanes = await openLanes(options);
  const isComplete = completion(options, lanes);
  let last: Lane | undefined;
  try {
    for (let looks = 0; !isAborted(options);) {
      // Asked before reading: what is in the files when it says yes is all there will be.
      const complete = await isComplete(looks);
      await fill(lanes);
      if (isAborted(options)) return;
      last = nextLane(lanes, last);
      if (last !== undefined) {
        looks = 0;
        yield tell(last, lanes, options.owner);
        continue;
      }
      if (complete || lanes.every(({ reader }) => reader.isOver)) return;
      await pause(looks, options);
      looks += 1;
    }
  } finally {
    await Promise.all(lanes.map(({ reader }) => reader.close()));
  }
}

async function openLanes(options: ReadOutputOptions): Promise<readonly Lane[]> {
  const { dir, stem, stream, follow, from } = options;
  const streams = stream === 'both' ? (['stdout', 'stderr'] as const) : [stream];
  const after = from === undefined ? undefined : parseOwn(from, options.owner);
  const parts = await Promise.all(
    streams.map(async (name) => {
      const series = { dir, stem, stream: name };
      const tip = await endOf(series);
      const range = await startOf({ series, tip, after: after?.[name] }, options);
      return { series, range, end: range.end ?? tip, after: after?.[name] };
    }),
  );
  const tails = (await tailsOf(parts, options)) ?? after ?? (await offsetsOf(parts, options));
  return parts.map(({ series, range, end }): Lane => {
    const begin = laterOf(tails?.[series.stream], range.begin);
    const ends = follow && range.end === undefined ? {} : { end };
    const begins = begin === undefined ? {} : { begin };
    const { isCut, isAllGone = false } = range;
    const reader = new StreamReader(series, options, { ...begins, ...ends, isCut, isAllGone });
    return { series, reader, told: begin, head: undefined, isDry: false };
  });
}

async function tailsOf(
  parts: readonly {
    series: SegmentSeries;
    range: Range;
    end: Position;
    after: Position | undefined;
  }[],
  { tail }: ReadOutputOptions,
): Promise<Positions | undefined> {
  if (tail === undefined) return undefined;
  const wanted = parts.map(({ series, range, end, after }) => {
    const begin = laterOf(after, range.begin);
    return { series, end, ...(begin === undefined ? {} : { begin }) };
  });
  return tailPositions(wanted, tail);
}

async function offsetsOf(
  parts: readonly { series: SegmentSeries; end: Position }[],
  { origin, offset }: ReadOutputOptions,
): Promise<Positions | undefined> {
  if (origin === undefined && offset === undefined) return undefined;
  const places = parts.map(async ({ series, end }) => [
    series.stream,
    await placeAt({ series, end, origin: origin ?? 'start', bytes: offset ?? 0 }),
  ]);
  return Object.fromEntries(await Promise.all(places)) as Positions;
}

function laterOf(one: Position | undefined, other: Position | undefined): Position | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return isBefore(one, other) ? other : one;
}

/** Asks every stream that may have something. One that had nothing is not asked again for each piece of another. */
async function fill(lanes: readonly Lane[]): Promise<void> {
  const isBuffered = lanes.some(({ head, reader }) => head !== undefined || reader.isBuffered);
  for (const lane of lanes) {
    if (lane.head !== undefined || (lane.isDry && isBuffered && !lane.reader.isBuffered)) continue;
    const piece = await lane.reader.next();
    lane.isDry = piece === undefined;
    lane.head = piece && { piece, place: lane.reader.place };
    // What was passed over is passed over for good.
    if (piece === undefined) lane.told = lane.reader.place ?? lane.told;
  }
}

/** The one whose piece is older; the streams take turns where that is not known. */
function nextLane(lanes: readonly Lane[], last: Lane | undefined): Lane | undefined {
  const [first, second] = lanes.filter(({ head }) => head !== undefined);
  if (first === undefined || second === undefined) return first;
  const [one, other] = [first.head?.piece.at, second.head?.piece.at];
  if (one !== undefined && other !== undefined && one !== other) {
    return one < other ? first : second;
  }
  return last === first ? second : first;
}

function tell(lane: Lane, lanes: readonly Lane[], owner: string | undefined): OutputChunk {
  const { piece, place } = lane.head as NonNullable<Lane['head']>;
  lane.head = undefined;
  lane.told = place;
  const places = lanes.map(({ series, told }) => [series.stream, told]);
  const cursor = formatCursor({ ...Object.fromEntries(places), owner } as Positions);
  return { stream: lane.series.stream, cursor, ...piece, at: piece.at };
}

/** Says whether nothing more will come of what is asked for, when it was looked for so often in vain. */
function completion(
  options: ReadOutputOptions,
  lanes: readonly Lane[],
): (looks: number) => Promise<boolean> {
  const { follow, ended, run, untilMs = Infinity, newestRun } = options;
  const now = options.now ?? Date.now;
  let isPast = !follow;
  return async (looks) => {
    if (isPast) return true;
    const isRunOver = run !== undefined && looks >= RUN_OVER_LOOKS && (newestRun?.() ?? 0) > run;
    if (ended?.() !== true && !isRunOver && now() <= untilMs) return false;
    isPast = true;
    for (const { series, reader } of lanes) reader.endAt(await endOf(series));
    return true;
  };
}

function isAborted({ signal }: ReadOutputOptions): boolean {
  return signal?.aborted ?? false;
}

/** Longer with every look in vain, but no longer than to the end of the time that is asked for. */
async function pause(looks: number, options: ReadOutputOptions): Promise<void> {
  const { signal, untilMs = Infinity, now = Date.now } = options;
  const leftMs = Math.max(1, untilMs + 1 - now());
  const delayMs = Math.min(SOON_MS * 2 ** Math.min(looks, 4), SELDOM_MS, leftMs);
  await setTimeout(delayMs, undefined, signal === undefined ? {} : { signal }).catch(
    () => undefined,
  );
}
