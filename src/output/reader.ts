import { setTimeout } from 'node:timers/promises';

import { formatCursor, parseCursor, type Position, type Positions } from './cursor.ts';
import { newestSegment, type OutputStream, type SegmentSeries } from './segments.ts';
import { type Gap, SeriesReader } from './series-reader.ts';
import { tailPosition } from './tail.ts';

/**
 * How often a follower looks for more: soon after it found something, seldom while nothing comes. It looks instead of
 * being told: before Linux 6.6 splice(2) into a file raises no inotify event, and a user has 128 inotify instances.
 */
const SOON_MS = 10;
const SELDOM_MS = 100;

export interface ReadOutputOptions {
  /** Directory of the segments. It need not exist yet. */
  readonly dir: string;
  /** The task's name, as the segments carry it. */
  readonly stem: string;
  readonly stream: OutputStream | 'both';
  /** Go on with what is written later, instead of ending at what is there now. */
  readonly follow: boolean;
  /** Begin with the last so many lines of each stream. Without it and `from`: with the oldest byte. */
  readonly tail?: number;
  /** Begin at the `cursor` of a chunk, after it. Wins over `tail`. */
  readonly from?: string;
  /** An abort ends the iteration, without an error. */
  readonly signal?: AbortSignal;
  /** For a follower: says that the task is over and its output drained, so that nothing more will be written. */
  readonly ended?: () => boolean;
}

export interface OutputChunk {
  readonly stream: OutputStream;
  /** Raw bytes, at most 64 KiB; empty in a chunk that reports a gap. */
  readonly data: Uint8Array;
  /** The place after this chunk in every stream that is read, to go on from with `from`. */
  readonly cursor: string;
  /** Present when rotation removed output before it was read. */
  readonly gap?: Gap;
}

/**
 * What a task wrote, byte for byte, over all its segments. The order of bytes is exact within a stream; the streams
 * of `both` are read in turns. Throws USAGE for a bad cursor, and what reading a file throws.
 */
export async function* readOutput(
  options: ReadOutputOptions,
): AsyncGenerator<OutputChunk, void, undefined> {
  const readers = await openReaders(options);
  const positions = (): string =>
    formatCursor(Object.fromEntries(readers.map(([stream, reader]) => [stream, reader.position])));
  try {
    for (let pauseMs = SOON_MS; !isAborted(options);) {
      // Asked before reading: what is in the files when it says yes is all there will be.
      const complete = !options.follow || options.ended?.() === true;
      let found = false;
      for (const [stream, reader] of readers) {
        const portion = await reader.read();
        if (isAborted(options)) return;
        if (portion === undefined) continue;
        found = true;
        const at = { stream, cursor: positions() };
        if (portion.kind === 'bytes') yield { ...at, data: portion.data };
        else yield { ...at, data: new Uint8Array(), gap: portion.gap };
      }
      if (!found && complete) return;
      pauseMs = found ? SOON_MS : Math.min(pauseMs * 2, SELDOM_MS);
      if (!found) await pause(pauseMs, options.signal);
    }
  } finally {
    await Promise.all(readers.map(([, reader]) => reader.close()));
  }
}

async function openReaders(
  options: ReadOutputOptions,
): Promise<readonly (readonly [OutputStream, SeriesReader])[]> {
  const { dir, stem, stream, follow } = options;
  const streams = stream === 'both' ? (['stdout', 'stderr'] as const) : [stream];
  const from = options.from === undefined ? undefined : parseCursor(options.from);
  return Promise.all(
    streams.map(async (name) => {
      const series = { dir, stem, stream: name };
      const end = follow ? undefined : await endOf(series);
      return [name, new SeriesReader(series, await beginning(series, from, options.tail), end)];
    }),
  );
}

async function beginning(
  series: SegmentSeries,
  from: Positions | undefined,
  tail: number | undefined,
): Promise<Position | undefined> {
  if (from !== undefined) return from[series.stream];
  return tail === undefined ? undefined : tailPosition(series, tail);
}

/** Where a reader that does not follow stops, so that a busy task does not keep it for ever. */
async function endOf(series: SegmentSeries): Promise<Position> {
  const newest = await newestSegment(series);
  return { segment: newest?.number ?? 0, offset: newest?.sizeBytes ?? 0 };
}

function isAborted({ signal }: ReadOutputOptions): boolean {
  return signal?.aborted ?? false;
}

async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(delayMs, undefined, signal === undefined ? {} : { signal }).catch(
    () => undefined,
  );
}
