/** The bytes of one segment, whether it is a plain file or was compressed. */
import { constants, type ReadStream } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';

import { errnoOf } from '../errors.ts';
import type { Position } from './cursor.ts';
import { packedPath, segmentPath, takenNumbers, type SegmentSeries } from './segments.ts';

const CHUNK_BYTES = 65_536;

/** Goes forward from an offset. */
export interface SegmentBytes {
  /** The next bytes, at most `maxBytes`; undefined when there are none (yet). */
  read(maxBytes?: number): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

const nothing: SegmentBytes = { read: async () => undefined, close: async () => undefined };

/**
 * Undefined when the segment does not exist (any more, or yet). What has its name and is no file is read as an empty
 * one. A compressed segment that is damaged throws in the middle of reading, see `isDamage`.
 */
export async function openSegment(
  series: SegmentSeries,
  { segment, offset }: Position,
): Promise<SegmentBytes | undefined> {
  // The plain file goes when the compressed one is complete, so one of them is found if it was not removed.
  const plain = await openFile(segmentPath(series, segment));
  if (plain === 'no file') return nothing;
  if (plain !== undefined) return new PlainBytes(plain, offset);
  const packed = await openFile(packedPath(series, segment));
  if (packed === 'no file') return nothing;
  return packed && new PackedBytes(packed, offset);
}

/** What is wrong with the content of a compressed segment; anything else is an error of the system. */
export function isDamage(error: unknown): boolean {
  return errnoOf(error)?.startsWith('Z_') ?? false;
}

/** Where the stream ends now; the beginning of segment 0 when there is none. */
export async function endOf(series: SegmentSeries): Promise<Position> {
  let seen: readonly number[] = [];
  for (;;) {
    const numbers = await takenNumbers(series);
    const end = await endAmong(series, numbers);
    if (end !== undefined) return end;
    // All that were found may have gone before they were looked at, while the stream went on in others.
    if (numbers.length === seen.length && numbers.every((one, at) => one === seen[at])) {
      return { segment: 0, offset: 0 };
    }
    seen = numbers;
  }
}

async function endAmong(
  series: SegmentSeries,
  numbers: readonly number[],
): Promise<Position | undefined> {
  for (const segment of numbers.toReversed()) {
    const plain = await fileAt(segmentPath(series, segment));
    if (plain !== undefined) return { segment, offset: plain.size };
    // A compressed one grows no more: the stream goes on in the next.
    const packed = await fileAt(packedPath(series, segment));
    if (packed !== undefined) return { segment: segment + 1, offset: 0 };
  }
  return undefined;
}

/** How many bytes were written to a segment; 0 when it is not there. */
export async function sizeOf(series: SegmentSeries, segment: number): Promise<number> {
  const plain = await fileAt(segmentPath(series, segment));
  if (plain !== undefined) return plain.size;
  const packed = await openFile(packedPath(series, segment));
  if (packed === undefined || packed === 'no file') return 0;
  try {
    // A gzip file ends with the size of its content, which for a segment is far below 4 GiB.
    const { size } = await packed.stat();
    const { buffer, bytesRead } = await packed.read(Buffer.alloc(4), 0, 4, Math.max(0, size - 4));
    return bytesRead === 4 ? buffer.readUInt32LE(0) : 0;
  } finally {
    await packed.close();
  }
}

/** When the last byte of a plain segment was written; undefined when that is not known. */
export async function lastWriteOf(
  series: SegmentSeries,
  segment: number,
): Promise<number | undefined> {
  return (await fileAt(segmentPath(series, segment)))?.mtimeMs;
}

async function fileAt(path: string): Promise<{ size: number; mtimeMs: number } | undefined> {
  try {
    const found = await lstat(path);
    return found.isFile() ? found : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Follows no link and waits for nobody. Undefined when there is nothing of that name. */
export async function openFile(path: string): Promise<FileHandle | 'no file' | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
    await file.close();
    return 'no file';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    // A link, or a socket.
    if (errnoOf(error) === 'ELOOP' || errnoOf(error) === 'ENXIO') return 'no file';
    throw error;
  }
}

class PlainBytes implements SegmentBytes {
  readonly #file: FileHandle;
  #offset: number;

  constructor(file: FileHandle, offset: number) {
    this.#file = file;
    this.#offset = offset;
  }

  async read(maxBytes = CHUNK_BYTES): Promise<Uint8Array | undefined> {
    const wanted = Math.min(maxBytes, CHUNK_BYTES);
    const room = Buffer.allocUnsafe(wanted);
    const { bytesRead, buffer } = await this.#file.read(room, 0, wanted, this.#offset);
    this.#offset += bytesRead;
    return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

class PackedBytes implements SegmentBytes {
  readonly #source: ReadStream;
  readonly #gunzip: Gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  readonly #blocks: AsyncIterator<Uint8Array>;
  #skipBytes: number;
  #left: Uint8Array | undefined;

  constructor(file: FileHandle, offset: number) {
    this.#skipBytes = offset;
    this.#source = file.createReadStream();
    // An error of the file becomes one of the iteration.
    pipeline(this.#source, this.#gunzip, () => undefined);
    this.#blocks = this.#gunzip[Symbol.asyncIterator]();
  }

  async read(maxBytes = CHUNK_BYTES): Promise<Uint8Array | undefined> {
    while (this.#left === undefined) {
      const { value, done } = await this.#blocks.next();
      if (done === true) return undefined;
      const skipped = Math.min(this.#skipBytes, value.length);
      this.#skipBytes -= skipped;
      if (skipped < value.length) this.#left = value.subarray(skipped);
    }
    const bytes = this.#left;
    this.#left = bytes.length > maxBytes ? bytes.subarray(maxBytes) : undefined;
    return bytes.subarray(0, maxBytes);
  }

  async close(): Promise<void> {
    this.#gunzip.destroy();
    const closed = new Promise<void>((resolve) => this.#source.once('close', () => resolve()));
    if (this.#source.closed) return;
    this.#source.destroy();
    await closed;
  }
}
