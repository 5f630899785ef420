/**
 * The frames between the agent and its hosts, protocol 1. One frame: u32 length of what follows, u8 kind, u32 id of the
 * call, then the body; numbers are big-endian. The caller chooses ids, each used once per connection; id 0 is the
 * connection itself. Bodies:
 *
 *   request   u16 length of the method's path, the path, the request message
 *   response  the response message; ends a call with one answer
 *   item      one message of many
 *   end       nothing; ends a call with many answers
 *   error     an error as JSON; ends the call, or with id 0 the connection
 *   cancel    nothing; the caller has gone and is told nothing more
 *   credit    u32 bytes of items that the caller has taken; it may be sent so many more than WINDOW_BYTES
 */
import { HoldfastError } from '../errors.ts';

const KINDS = ['request', 'response', 'item', 'end', 'error', 'cancel', 'credit'] as const;
export type FrameKind = (typeof KINDS)[number];

export interface Frame {
  readonly kind: FrameKind;
  readonly id: number;
  /** The method's path; empty unless it is a request. */
  readonly path: string;
  /** The message. A view of what was received: whoever keeps it copies it. */
  readonly payload: Buffer;
}

/** A message that is longer belongs into a file. */
export const PAYLOAD_LIMIT_BYTES = 4 * 1024 * 1024;
/** Bytes of items a host may send ahead of its reader. The item that crosses the line is sent whole. */
export const WINDOW_BYTES = 256 * 1024;
export const LAST_ID = 0xffff_ffff;

const LENGTH_BYTES = 4;
const HEAD_BYTES = 5;
const PATH_LIMIT_BYTES = 256;
const FRAME_LIMIT_BYTES = HEAD_BYTES + 2 + PATH_LIMIT_BYTES + PAYLOAD_LIMIT_BYTES;
const NOTHING = Buffer.alloc(0);

/** Throws RESOURCES_EXHAUSTED, not retryable, when the payload is longer than 4 MiB. */
export function encodeFrame(
  kind: FrameKind,
  id: number,
  payload: Uint8Array = NOTHING,
  path = '',
): Buffer {
  if (payload.length > PAYLOAD_LIMIT_BYTES) {
    const message = `a message of ${payload.length} bytes; at most ${PAYLOAD_LIMIT_BYTES} are sent`;
    throw new HoldfastError('RESOURCES_EXHAUSTED', message, { retryable: false });
  }
  const pathBytes = kind === 'request' ? 2 + path.length : 0;
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + HEAD_BYTES + pathBytes + payload.length);
  frame.writeUInt32BE(frame.length - LENGTH_BYTES, 0);
  frame.writeUInt8(KINDS.indexOf(kind), LENGTH_BYTES);
  frame.writeUInt32BE(id, LENGTH_BYTES + 1);
  if (kind === 'request') {
    frame.writeUInt16BE(path.length, LENGTH_BYTES + HEAD_BYTES);
    frame.write(path, LENGTH_BYTES + HEAD_BYTES + 2, 'latin1');
  }
  frame.set(payload, frame.length - payload.length);
  return frame;
}

export function encodeCredit(id: number, bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(bytes, 0);
  return encodeFrame('credit', id, payload);
}

/** Bytes that a credit gives. Throws INTERNAL when it is none. */
export function creditOf({ payload }: Frame): number {
  if (payload.length !== 4) throw badFrame(`a credit of ${payload.length} bytes`);
  return payload.readUInt32BE(0);
}

/** What an item counts against the window; an empty one counts, too. */
export function itemCost(payload: Uint8Array): number {
  return LENGTH_BYTES + HEAD_BYTES + payload.length;
}

/** Cuts a byte stream, however it arrives, into frames. After it has thrown it must not be fed again. */
export class FrameDecoder {
  /** Received and not yet cut; joined only when they make a whole frame, so that a long one is copied once. */
  #chunks: Buffer[] = [];
  #held = 0;
  #needed = LENGTH_BYTES;

  /** Every frame that is whole now. Throws INTERNAL for bytes that are no frame of this protocol. */
  *push(chunk: Buffer): Generator<Frame, void, undefined> {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#needed) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    let from = 0;
    this.#needed = LENGTH_BYTES;
    while (bytes.length - from >= LENGTH_BYTES) {
      const length = assertLength(bytes.readUInt32BE(from));
      this.#needed = LENGTH_BYTES + length;
      if (bytes.length - from < this.#needed) break;
      yield decodeBody(bytes.subarray(from + LENGTH_BYTES, from + this.#needed));
      from += this.#needed;
      this.#needed = LENGTH_BYTES;
    }
    // A copy, so that a few bytes do not hold on to a whole chunk.
    const rest = Buffer.from(bytes.subarray(from));
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
  }
}

function assertLength(length: number): number {
  if (length >= HEAD_BYTES && length <= FRAME_LIMIT_BYTES) return length;
  throw badFrame(`its length is ${length}, and ${HEAD_BYTES} to ${FRAME_LIMIT_BYTES} are possible`);
}

function decodeBody(body: Buffer): Frame {
  const kind = KINDS[body.readUInt8(0)];
  if (kind === undefined) throw badFrame(`its kind is ${body.readUInt8(0)}`);
  const id = body.readUInt32BE(1);
  let path = '';
  let from = HEAD_BYTES;
  if (kind === 'request') {
    const length = body.length < HEAD_BYTES + 2 ? Infinity : body.readUInt16BE(HEAD_BYTES);
    from += 2 + length;
    if (length > PATH_LIMIT_BYTES || from > body.length) throw badFrame('its path is cut off');
    path = body.toString('latin1', HEAD_BYTES + 2, from);
  }
  if (body.length - from > PAYLOAD_LIMIT_BYTES) throw badFrame('its message is too long');
  return { kind, id, path, payload: body.subarray(from) };
}

export function badFrame(why: string): HoldfastError {
  return new HoldfastError('INTERNAL', `not a frame of this protocol: ${why}`);
}
