/** What a command wrote and its reader does not have yet, in the order in which it was read from the command. */

export interface OutputChunk {
  readonly isStderr: boolean;
  readonly bytes: Buffer;
  /** Of the first byte behind it, counted over both streams. */
  readonly offset: number;
}

/** Full: the command is not read any further until its reader has taken some. */
export const BUFFER_LIMIT_BYTES = 256 * 1024;
/** Read again when so little waits: a reader that takes little by little must not wake the command each time. */
const ROOM_AGAIN_BYTES = BUFFER_LIMIT_BYTES / 2;
/** Of one message. */
const CHUNK_LIMIT_BYTES = 64 * 1024;

export class OutputBuffer {
  #chunks: OutputChunk[] = [];
  #taken = 0;
  #written = 0;

  /** Before this offset nothing is kept. */
  get taken(): number {
    return this.#taken;
  }
  get written(): number {
    return this.#written;
  }
  get isFull(): boolean {
    return this.#written - this.#taken >= BUFFER_LIMIT_BYTES;
  }
  get hasRoomAgain(): boolean {
    return this.#written - this.#taken <= ROOM_AGAIN_BYTES;
  }

  /** Takes it whole, also when that is more than the limit: what was read of a command cannot be given back. */
  add(isStderr: boolean, bytes: Buffer): void {
    for (let from = 0; from < bytes.length; from += CHUNK_LIMIT_BYTES) {
      // A copy: what it is read into is used again.
      const piece = Buffer.from(bytes.subarray(from, from + CHUNK_LIMIT_BYTES));
      this.#written += piece.length;
      this.#chunks.push({ isStderr, bytes: piece, offset: this.#written });
    }
  }

  /** What comes first behind `offset`, or undefined when there is nothing yet. */
  after(offset: number): OutputChunk | undefined {
    const chunk = this.#chunks.find((one) => one.offset > offset);
    if (chunk === undefined) return undefined;
    const start = chunk.offset - chunk.bytes.length;
    return start >= offset ? chunk : { ...chunk, bytes: chunk.bytes.subarray(offset - start) };
  }

  /** The reader has everything before `offset`. */
  take(offset: number): void {
    this.#taken = Math.min(Math.max(offset, this.#taken), this.#written);
    const kept = this.#chunks.findIndex((one) => one.offset > this.#taken);
    this.#chunks = kept < 0 ? [] : this.#chunks.slice(kept);
  }
}
