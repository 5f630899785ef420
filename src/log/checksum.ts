/**
 * The checksum of a stored event. It covers everything but the position: the data as CRC-32, begun from a seed that
 * the other columns are mixed into. A seed is carried through CRC-32 one to one, and so is every word through the mix,
 * so one changed column always changes the result. Mixing numbers as numbers is what makes a bulk replay affordable:
 * writing them out as text first took longer than everything else.
 */
import { crc32 } from 'node:zlib';

/** What a stream's name adds to the checksum of each of its events: computed once for a stream. */
export function seedOf(stream: string): number {
  return crc32(stream) | 0;
}

const TWO_TO_32 = 0x1_0000_0000;
const typeSeeds = new Map<string, number>();

export interface ChecksummedColumns {
  readonly version: number;
  readonly type: string;
  readonly schema: number;
  readonly run: number;
  readonly at: number;
  readonly data: string;
}

/** Unsigned 32 bits. `streamSeed` is `seedOf` the stream's name. */
export function checksumOf(streamSeed: number, row: ChecksummedColumns): number {
  let seed = mix(streamSeed, row.version);
  seed = mix(seed, seedOfType(row.type));
  seed = mix(seed, row.schema);
  seed = mix(seed, row.run);
  seed = mix(seed, row.at | 0);
  seed = mix(seed, Math.floor(row.at / TWO_TO_32));
  return crc32(row.data, seed >>> 0);
}

/** One step of FNV-1a over whole words: a multiplication by an odd number loses nothing. */
function mix(seed: number, word: number): number {
  return Math.imul(seed ^ word, 0x0100_0193);
}

function seedOfType(type: string): number {
  let seed = typeSeeds.get(type);
  if (seed === undefined) {
    seed = crc32(type) | 0;
    // A damaged file can hold any word; the real vocabulary is far smaller than this.
    if (typeSeeds.size < 1_000) typeSeeds.set(type, seed);
  }
  return seed;
}
