/** The body of a request: JSON, and no more of it than is taken. */
import type { IncomingMessage } from 'node:http';
import { HoldfastError } from '../errors.ts';

const MOST_BYTES = 2 ** 20;

/** Undefined when there is none. Throws USAGE (status 400, 413, 415), ABORTED when the caller went away. */
export async function receiveJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > MOST_BYTES) throw refused(413, `a body has at most ${MOST_BYTES} bytes`);
      parts.push(part);
    }
  } catch (error) {
    if (HoldfastError.is(error)) throw error;
    throw new HoldfastError('ABORTED', 'the caller went away', { cause: error });
  }
  if (bytes === 0) return undefined;
  // A form of a page cannot say this type without being asked first.
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw refused(415, 'the body is to be application/json');
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString()) as unknown;
  } catch (cause) {
    throw new HoldfastError('USAGE', 'the body is not JSON', { cause });
  }
}

function refused(status: number, message: string): HoldfastError {
  return new HoldfastError('USAGE', message, { details: { status } });
}
