import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

import { errnoOf } from '../errors.ts';
import type { Position } from './cursor.ts';
import { segmentPath, takenNumbers, type SegmentSeries } from './segments.ts';

const CHUNK_BYTES = 65_536;

/** Output that was removed before it was read. */
export interface Gap {
  /** The first place that could not be read. */
  readonly after: Position;
  /** The segment at whose beginning reading goes on. */
  readonly nextSegment: number;
}

export type Portion =
  | { readonly kind: 'bytes'; readonly data: Uint8Array }
  | { readonly kind: 'gap'; readonly gap: Gap };

/**
 * Reads one stream from a place on, segment after segment. It keeps the segment open that it is in, so one that is
 * removed while it is read is still read to its end.
 */
export class SeriesReader {
  readonly #series: SegmentSeries;
  #position: Position | undefined;
  readonly #end: Position | undefined;
  #file: FileHandle | undefined;
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

  /** The next portion, or undefined when there is none yet. */
  async read(): Promise<Portion | undefined> {
    while (!this.#atEnd()) {
      this.#position ??= await this.#oldest();
      if (this.#position === undefined) return undefined;
      this.#file ??= await openSegment(segmentPath(this.#series, this.#position.segment));
      const data = await this.#readOn(this.#position);
      if (data !== undefined) return { kind: 'bytes', data };
      const step = await this.#advance(this.#position);
      if (step === 'stay') return undefined;
      if (step !== 'again') return { kind: 'gap', gap: step };
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  #atEnd(): boolean {
    if (this.#end === undefined || this.#position === undefined) return false;
    const { segment, offset } = this.#position;
    return (
      segment > this.#end.segment || (segment === this.#end.segment && offset >= this.#end.offset)
    );
  }

  async #oldest(): Promise<Position | undefined> {
    const [segment] = await takenNumbers(this.#series);
    return segment === undefined ? undefined : { segment, offset: 0 };
  }

  async #readOn({ segment, offset }: Position): Promise<Uint8Array | undefined> {
    if (this.#file === undefined) return undefined;
    const isLast = segment === this.#end?.segment;
    const bytes = isLast ? Math.min(CHUNK_BYTES, this.#end.offset - offset) : CHUNK_BYTES;
    const { bytesRead, buffer } = await this.#file.read(
      Buffer.allocUnsafe(bytes),
      0,
      bytes,
      offset,
    );
    if (bytesRead === 0) return undefined;
    this.#position = { segment, offset: offset + bytesRead };
    return buffer.subarray(0, bytesRead);
  }

  /**
   * Goes to the next segment when this one is read to its end. A segment is complete once a later one exists, which
   * must be seen before its last bytes are read: so the first time the answer is to read once more.
   */
  async #advance(position: Position): Promise<Gap | 'again' | 'stay'> {
    const later = (await takenNumbers(this.#series)).find((number) => number > position.segment);
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
    const after = wasRead ? { segment: position.segment + 1, offset: 0 } : position;
    return { after, nextSegment: later };
  }
}

/** Undefined when it does not exist (any more, or yet). What has its name and is no file is read as an empty one. */
async function openSegment(path: string): Promise<FileHandle | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
    await file.close();
    return await open('/dev/null', O_RDONLY);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (errnoOf(error) === 'ELOOP') return open('/dev/null', O_RDONLY);
    throw error;
  }
}
