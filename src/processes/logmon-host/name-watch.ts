/** Is the file that is being written still what its name says, and as long as it was written? */
import { closeSync, constants, fstatSync, lstatSync, readSync } from 'node:fs';

import { openOwn } from './own-file.ts';

/** Bytes that were written and are not in the file of that name any more. */
export interface Missed {
  readonly offset: number;
  readonly bytes: number;
}

const LOOK_EVERY_MS = 1_000;
const BLOCK_BYTES = 512;
const CHUNK_BYTES = 65_536;

/** Looks once a second while bytes come: two system calls for each move would cost more than small moves do. */
export class NameWatch {
  #nextAt = 0;
  /** What the file took up when it was looked at last. */
  #blocks = 0;

  get isDue(): boolean {
    return performance.now() >= this.#nextAt;
  }

  /** Another file is written from now on. */
  begin(): void {
    this.#nextAt = performance.now() + LOOK_EVERY_MS;
    this.#blocks = 0;
  }

  /** What is not where it was written to, of `sizeBytes`; undefined when nothing has happened to the file. */
  look(fd: number, path: string, sizeBytes: number): Missed | undefined {
    const own = fstatSync(fd);
    const named = lstatSync(path, { throwIfNoEntry: false });
    const isSame = named?.ino === own.ino && named.dev === own.dev;
    const size = named?.isFile() === true ? named.size : 0;
    if (!isSame || size < sizeBytes) {
      return { offset: Math.min(size, sizeBytes), bytes: Math.max(0, sizeBytes - size) };
    }
    // Not before: what cannot be seen, or cannot be put right, is looked at again in front of the next byte.
    this.#nextAt = performance.now() + LOOK_EVERY_MS;
    const before = this.#blocks;
    this.#blocks = own.blocks;
    // It was cut between two looks, and what came then was written behind a hole. A hole alone says nothing: some file
    // systems compress.
    if (own.blocks >= before || own.blocks * BLOCK_BYTES >= size) return undefined;
    const holeBytes = zerosAtBegin(path);
    return holeBytes === 0 ? undefined : { offset: 0, bytes: holeBytes };
  }
}

function zerosAtBegin(path: string): number {
  const fd = openOwn(path, constants.O_RDONLY);
  if (fd === undefined) return 0;
  const chunk = Buffer.alloc(CHUNK_BYTES);
  try {
    for (let at = 0; ;) {
      const count = readSync(fd, chunk, 0, CHUNK_BYTES, at);
      const first = chunk.subarray(0, count).findIndex((byte) => byte !== 0);
      if (first >= 0) return at + first;
      if (count === 0) return at;
      at += count;
    }
  } finally {
    closeSync(fd);
  }
}
