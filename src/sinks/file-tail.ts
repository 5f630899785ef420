/** The end of a file of events: which one stands there last, and where something begins that is no whole line. */
import type { FileHandle } from 'node:fs/promises';
import { HoldfastError } from '../errors.ts';
import type { Origin } from './sink.ts';

/** More than the longest event takes. */
const WINDOW_BYTES = 512 * 1024;

export interface FileTail {
  /** Bytes up to the end of the last whole line. */
  readonly wholeBytes: number;
  /** Of the last event; undefined for a file without one, and for one of another store. */
  readonly position: number | undefined;
}

/** Throws WRONG_STATE for a file that something else has written: nothing is cut off from it. */
export async function readTail(file: FileHandle, path: string, origin: Origin): Promise<FileTail> {
  const { size } = await file.stat();
  const from = Math.max(0, size - WINDOW_BYTES);
  const bytes = Buffer.alloc(size - from);
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, from + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  let end = bytes.lastIndexOf(NEWLINE) + 1;
  const rest = bytes.subarray(end);
  const beginning = BEGINNING.subarray(0, rest.length);
  const isOurs = rest[0] === 0 || rest.subarray(0, beginning.length).equals(beginning);
  if (!isOurs || (end === 0 && from > 0)) throw foreign(path);
  // A power cut can leave room without what was written into it.
  while (end > 0 && lineBefore(bytes, end).includes(0)) {
    end = bytes.lastIndexOf(NEWLINE, end - 2) + 1;
  }
  if (end === 0) return { wholeBytes: from, position: undefined };
  const { storeId, position } = placeOf(lineBefore(bytes, end), path);
  const isSame = storeId === origin.storeId;
  return { wholeBytes: from + end, position: isSame ? position : undefined };
}

const NEWLINE = 0x0a;
const BEGINNING = Buffer.from('{"');

/** The line whose newline is right before `end`. */
function lineBefore(bytes: Buffer, end: number): Buffer {
  const start = bytes.lastIndexOf(NEWLINE, end - 2) + 1;
  return bytes.subarray(end === 1 ? 0 : start, end - 1);
}

/** Of both forms. */
function placeOf(line: Buffer, path: string): { storeId: string; position: number } {
  try {
    const { position, storeId, id } = JSON.parse(line.toString()) as Record<string, unknown>;
    if (typeof position === 'number' && typeof storeId === 'string') return { storeId, position };
    const [, store, number] = /^([^/]+)\/(\d{1,15})$/.exec(String(id)) ?? [];
    if (store !== undefined) return { storeId: store, position: Number(number) };
  } catch {
    // Told below.
  }
  throw foreign(path);
}

function foreign(path: string): HoldfastError {
  const text = `${path} holds something else than events: nothing is written to it`;
  return new HoldfastError('WRONG_STATE', text);
}
