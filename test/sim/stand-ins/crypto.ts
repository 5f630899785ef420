/** Stands in for `node:crypto`: hashes are real, chance is the seed's. */
import { theWorld } from '../world/world.ts';

export { createHash, createHmac } from 'node:crypto';

/** What is larger than any identity is only to take up room. */
export function randomBytes(bytes: number): Buffer {
  if (bytes > 1_024) return Buffer.alloc(bytes);
  return Buffer.from(theWorld().identities.hex(bytes), 'hex');
}

export function randomUUID(): string {
  const text = theWorld().identities.hex(16);
  return [8, 12, 16, 20, 32]
    .map((end, index, ends) => text.slice(ends[index - 1] ?? 0, end))
    .join('-');
}
