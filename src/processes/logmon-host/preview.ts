import { closeSync, readSync } from 'node:fs';

import { openPipe, setPipeSize, teePipe } from '../../os/pipes.ts';

const WINDOW_BYTES = 65_536;

/** Every write of a task may take a page of its own, however short: many pages are needed to see a full window. */
const PIPE_BYTES = 1_048_576;

/** Looks at the first bytes of a FIFO and leaves them there: tee(2) into a pipe of our own, which is then read. */
export class Preview {
  readonly #pipe = openPipe();
  readonly #window = Buffer.allocUnsafeSlow(WINDOW_BYTES);

  constructor() {
    setPipeSize(this.#pipe.writeEnd, PIPE_BYTES, 4096);
  }

  /**
   * Up to `bytes` (at most 64 KiB) of what waits in `fifo`; valid until the next call. May be fewer than there are,
   * and is empty when there are none.
   */
  look(fifo: number, bytes: number): Uint8Array {
    const count = teePipe(fifo, this.#pipe.writeEnd, Math.min(bytes, WINDOW_BYTES));
    if (count <= 0) return this.#window.subarray(0, 0);
    let filled = 0;
    while (filled < count) {
      filled += readSync(this.#pipe.readEnd, this.#window, filled, count - filled, null);
    }
    return this.#window.subarray(0, count);
  }

  close(): void {
    closeSync(this.#pipe.readEnd);
    closeSync(this.#pipe.writeEnd);
  }
}
