/** What a command of an engine writes, out of the one stream that both of its streams come in. */
import type { Sink } from '../../sessions/commands.ts';

const HEADER_BYTES = 8;
const STDERR = 2;

/** With a terminal there are no frames: everything is output. */
export function plainOutput(sink: Sink): (chunk: Buffer) => boolean {
  return (chunk) => sink(false, chunk);
}

/** A frame has its stream and its size before it. Its bytes are told as they come, however long it is. */
export function framedOutput(sink: Sink): (chunk: Buffer) => boolean {
  let header: Buffer = Buffer.alloc(0);
  let left = 0;
  let isStderr = false;
  return (chunk) => {
    let rest = chunk;
    let hasRoom = true;
    while (rest.length > 0) {
      if (left > 0) {
        const piece = rest.subarray(0, left);
        left -= piece.length;
        rest = rest.subarray(piece.length);
        hasRoom = sink(isStderr, piece);
        continue;
      }
      const more = rest.subarray(0, HEADER_BYTES - header.length);
      rest = rest.subarray(more.length);
      header = Buffer.concat([header, more]);
      if (header.length < HEADER_BYTES) break;
      isStderr = header[0] === STDERR;
      left = header.readUInt32BE(4);
      header = Buffer.alloc(0);
    }
    return hasRoom;
  };
}
