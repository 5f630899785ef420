/** Is it what was asked for? */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { refused } from './faults.ts';

const DIGITS: Readonly<Record<string, number>> = { sha256: 64, sha512: 128, sha1: 40 };

export interface Checksum {
  readonly algorithm: string;
  /** Lower-case hexadecimal. */
  readonly digest: string;
}

/** Throws for what is none. */
export function readChecksum(text: string): Checksum {
  const [, algorithm = '', digest = ''] = /^(\w+):([0-9a-f]+)$/i.exec(text) ?? [];
  if (DIGITS[algorithm] !== digest.length) {
    throw refused(`its checksum must be sha256:, sha512: or sha1: and the digits, not "${text}"`);
  }
  return { algorithm, digest: digest.toLowerCase() };
}

/** Reads the whole file, also of what was fetched in parts. */
export async function checkFile(
  file: string,
  wanted: Checksum,
  signal: AbortSignal,
): Promise<void> {
  const hash = createHash(wanted.algorithm);
  await pipeline(createReadStream(file, { signal, highWaterMark: 1 << 20 }), hash);
  const found = hash.digest('hex');
  if (timingSafeEqual(Buffer.from(found), Buffer.from(wanted.digest))) return;
  throw refused(`its ${wanted.algorithm} is ${found}, not ${wanted.digest} as was asked for`);
}
