import { readSync, writeSync } from 'node:fs';

import type { Mover } from './mover.ts';

const COPY_BYTES = 65_536;

/**
 * Reads and writes, for file systems that splice(2) cannot write to. Between the two the bytes are in this process
 * only: a full disk loses none of them, a SIGKILL loses up to 64 KiB. That is why the answer to Collect says it.
 */
export class CopyMover implements Mover {
  readonly way = 'copy';
  #pending: Uint8Array = new Uint8Array();

  get pendingBytes(): number {
    return this.#pending.length;
  }

  forget(): void {
    this.#pending = new Uint8Array();
  }

  move(fifo: number, file: number, offset: number, bytes: number): number {
    try {
      if (this.#pending.length === 0) {
        const buffer = Buffer.allocUnsafe(Math.min(bytes, COPY_BYTES));
        this.#pending = buffer.subarray(0, readSync(fifo, buffer));
      }
      const written = writeSync(file, this.#pending, 0, this.#pending.length, offset);
      this.#pending = this.#pending.subarray(written);
      return written;
    } catch (error) {
      // A negative number, as the system call gave it.
      const { errno } = error as NodeJS.ErrnoException;
      if (errno === undefined) throw error;
      return errno;
    }
  }
}
