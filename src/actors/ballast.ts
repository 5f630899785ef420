/**
 * A file that takes up room so that there is some to give up: when the disk is full, the ends of tasks can still be
 * recorded in its place.
 */
import { randomBytes } from 'node:crypto';
import { rmSync, statfsSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

export const BALLAST_BYTES = 8 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;

export class Ballast {
  readonly #path: string;
  #isHere: boolean;

  constructor(stateDir: string) {
    this.#path = join(stateDir, 'ballast');
    this.#isHere = statSync(this.#path, { throwIfNoEntry: false }) !== undefined;
  }

  /** Gives it up when less than its own size is free. May be called again. */
  giveIfNeeded(): void {
    if (this.#isHere && freeBytes(this.#path) < BALLAST_BYTES) this.give();
  }

  give(): void {
    rmSync(this.#path, { force: true });
    this.#isHere = false;
  }

  /** Takes it up; a disk that refuses it is simply without. The caller knows that there is room to spare. */
  async take(): Promise<void> {
    if (this.#isHere) return;
    this.#isHere = true;
    try {
      await fill(`${this.#path}.new`);
      // crash point: agent.ballast.filled
      await rename(`${this.#path}.new`, this.#path);
    } catch {
      await rm(`${this.#path}.new`, { force: true }).catch(() => undefined);
      this.#isHere = false;
    }
  }
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** With bytes that no file system can compress or leave out. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    const piece = randomBytes(PIECE_BYTES);
    for (let at = 0; at < BALLAST_BYTES; at += PIECE_BYTES) {
      piece.writeUInt32LE(at);
      const { bytesWritten } = await file.write(piece, 0, PIECE_BYTES, at);
      if (bytesWritten < PIECE_BYTES) throw new Error('the disk is full');
    }
  } finally {
    await file.close();
  }
}
