/** How an error crosses a socket: as JSON, whole where it fits. The same for both transports. */
import {
  ERROR_CODES,
  type ErrorCode,
  type ErrorDetails,
  errnoOf,
  HoldfastError,
  messageOf,
} from '../errors.ts';

/** gRPC's trailers share a limit of some 8 KB; the code and the message matter more than the facts beside them. */
const ERROR_BYTES_LIMIT = 4096;
const MESSAGE_LIMIT = 1024;

/**
 * What a host answers to a call that failed. What the system says of a file (no room, no descriptors, a disk that does
 * not answer) may be over with the next call; only the rest is a bug of ours, which crashes whoever asked.
 */
export function failureToSend(error: unknown): HoldfastError {
  const errno = errnoOf(error);
  if (HoldfastError.is(error) || errno === undefined || !/^E[A-Z0-9]+$/.test(errno)) {
    return HoldfastError.from(error);
  }
  return new HoldfastError('UNAVAILABLE', messageOf(error), { cause: error, details: { errno } });
}

/** At most 4 KiB: a long message is cut, and details that do not fit are left out. */
export function toErrorBytes(error: HoldfastError): Buffer {
  const data = { ...error.toData(), message: error.message.slice(0, MESSAGE_LIMIT) };
  const json = Buffer.from(JSON.stringify(data));
  if (json.length <= ERROR_BYTES_LIMIT) return json;
  return Buffer.from(JSON.stringify({ ...data, details: {} }));
}

/** The way back; undefined when the bytes are none of ours or their code is unknown here. */
export function fromErrorBytes(
  bytes: Uint8Array,
  options: { readonly cause?: unknown } = {},
): HoldfastError | undefined {
  try {
    const text = Buffer.from(bytes).toString();
    const { code, message, retryable, details } = JSON.parse(text) as Record<string, unknown>;
    if (typeof code !== 'string' || !Object.hasOwn(ERROR_CODES, code)) return undefined;
    return new HoldfastError(code as ErrorCode, String(message), {
      ...options,
      retryable: retryable === true,
      details: isDetails(details) ? details : {},
    });
  } catch {
    return undefined;
  }
}

function isDetails(value: unknown): value is ErrorDetails {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
