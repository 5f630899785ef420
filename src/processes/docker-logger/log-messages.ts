/** Takes the messages of a container's log out of the bytes of the engine's answer. */
import { HoldfastError } from '../../errors.ts';

export interface LogMessage {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly content: Buffer;
}

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) /;
/** `2026-01-01T00:00:00.000000000+00:00 ` */
const MOST_TIME_BYTES = 36;
const HEADER_BYTES = 8;
/** The engine cuts a longer line into messages of so much. */
const PART_BYTES = 16_384;
const NEWLINE = 10;
/** Of a frame in which the engine says what went wrong. */
const SYSTEM_ERROR = 3;
/** No engine makes a message of so much: it is no frame then. */
const MOST_FRAME_BYTES = 268_435_456;

/** Of a container without a terminal: every message is a frame with a header that names its stream and size. */
export class FramedMessages {
  #rest: Buffer = Buffer.alloc(0);

  /** The messages that are complete by now. Throws UNAVAILABLE with what the engine says in between. */
  take(chunk: Buffer): LogMessage[] {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: LogMessage[] = [];
    while (rest.length >= HEADER_BYTES) {
      const bytes = rest.readUInt32BE(4);
      if (bytes > MOST_FRAME_BYTES || rest.readUInt32BE(0) % 16_777_216 !== 0) {
        throw new HoldfastError('UNAVAILABLE', 'the engine sent no frames');
      }
      if (rest.length < HEADER_BYTES + bytes) break;
      const payload = rest.subarray(HEADER_BYTES, HEADER_BYTES + bytes);
      if (rest[0] === SYSTEM_ERROR) {
        throw new HoldfastError('UNAVAILABLE', `the engine says: ${payload.toString().trim()}`);
      }
      messages.push(messageOf(payload));
      rest = rest.subarray(HEADER_BYTES + bytes);
    }
    this.#rest = rest;
    return messages;
  }

  /** The answer is at its end. */
  rest(): LogMessage[] {
    if (this.#rest.length === 0) return [];
    throw new HoldfastError('UNAVAILABLE', 'the answer of the engine ends within a message');
  }
}

/**
 * Of a container with a terminal: times and contents one after the other. A message ends with its line, or where the
 * engine has cut the line because it is long.
 */
export class PlainMessages {
  #rest: Buffer = Buffer.alloc(0);

  take(chunk: Buffer): LogMessage[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    return this.#messages(false);
  }

  rest(): LogMessage[] {
    return this.#messages(true);
  }

  #messages(isAtEnd: boolean): LogMessage[] {
    const messages: LogMessage[] = [];
    while (this.#rest.length > 0) {
      const begin = timeBytes(this.#rest);
      if (begin === undefined && this.#rest.length < MOST_TIME_BYTES && !isAtEnd) break;
      if (begin === undefined) throw new HoldfastError('UNAVAILABLE', 'a message has no time');
      const end = this.#endOf(begin, isAtEnd);
      if (end === undefined) break;
      messages.push(messageOf(this.#rest.subarray(0, end)));
      this.#rest = this.#rest.subarray(end);
    }
    return messages;
  }

  #endOf(begin: number, isAtEnd: boolean): number | undefined {
    const rest = this.#rest;
    const newline = rest.indexOf(NEWLINE, begin);
    const longest = begin + PART_BYTES;
    if (newline !== -1 && newline <= longest) return newline + 1;
    // A full part is followed by the time of the next one.
    if (rest.length < longest + MOST_TIME_BYTES && !isAtEnd) return undefined;
    if (timeBytes(rest.subarray(longest)) !== undefined) return longest;
    if (newline !== -1) return newline + 1;
    return isAtEnd ? rest.length : undefined;
  }
}

function timeBytes(bytes: Buffer): number | undefined {
  return TIME.exec(bytes.toString('latin1', 0, MOST_TIME_BYTES))?.[0].length;
}

function messageOf(bytes: Buffer): LogMessage {
  const match = TIME.exec(bytes.toString('latin1', 0, MOST_TIME_BYTES));
  if (match === null) throw new HoldfastError('UNAVAILABLE', 'a message has no time');
  const [whole, seconds = '', fraction = '', zone = ''] = match;
  const ms = Date.parse(`${seconds}${zone}`);
  const time = BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
  return { time, content: bytes.subarray(whole.length) };
}
