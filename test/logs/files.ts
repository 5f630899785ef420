/** The log directory as a stranger finds it, without the reader that is to be tried: names, sizes and bytes. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { OutputStream } from '../../src/output/segments.ts';

export interface FoundSegment {
  readonly number: number;
  /** Its contents, as they were written. */
  readonly bytes: Buffer;
  readonly isPacked: boolean;
}

/** The segments of a stream, oldest first. One that is being compressed may be there twice, and counts once. */
export function segmentsIn(
  dir: string,
  task: string,
  stream: OutputStream,
): readonly FoundSegment[] {
  const stem = `${task}.${stream}.`;
  const found = new Map<number, FoundSegment>();
  for (const name of readdirSync(dir)) {
    const [, digits, packed] = /^(\d+)(\.gz)?$/.exec(name.slice(stem.length)) ?? [];
    if (!name.startsWith(stem) || digits === undefined) continue;
    const number = Number(digits);
    const isPacked = packed !== undefined;
    if (isPacked && found.get(number)?.isPacked === false) continue;
    const content = readFileSync(join(dir, name));
    found.set(number, { number, isPacked, bytes: isPacked ? gunzipSync(content) : content });
  }
  return [...found.values()].toSorted((left, right) => left.number - right.number);
}

/** Bytes of everything below a directory: what a user who counts them sees. What goes away meanwhile is not there. */
export function bytesBelow(dir: string): number {
  let bytes = 0;
  for (const name of readdirSync(dir)) {
    try {
      const found = lstatSync(join(dir, name));
      bytes += found.isDirectory() ? bytesBelow(join(dir, name)) : found.size;
    } catch {
      // Removed just now.
    }
  }
  return bytes;
}
