import { Metadata, type ServiceError, status, type StatusObject } from '@grpc/grpc-js';
import { ERROR_CODES, type ErrorCode, type ErrorDetails, HoldfastError } from '../errors.ts';

/** Binary, because an error's text may be in any script and headers are ASCII. */
const ERROR_KEY = 'holdfast-error-bin';
/** Trailers share a limit of some 8 KB; the code and the message matter more than the facts beside them. */
const ERROR_BYTES_LIMIT = 4096;
const MESSAGE_LIMIT = 1024;

/** What a status without our own data means. Everything else is INTERNAL. */
const CODE_OF_STATUS = new Map<number, ErrorCode>([
  [status.CANCELLED, 'ABORTED'],
  [status.DEADLINE_EXCEEDED, 'TIMEOUT'],
  [status.UNAVAILABLE, 'UNAVAILABLE'],
  [status.UNIMPLEMENTED, 'CAPABILITY_MISSING'],
  [status.RESOURCE_EXHAUSTED, 'RESOURCES_EXHAUSTED'],
  [status.NOT_FOUND, 'NOT_FOUND'],
  [status.PERMISSION_DENIED, 'PERMISSION_DENIED'],
]);

/** The gRPC status of anything thrown: its code by the table in errors.ts, the whole error beside it as JSON. */
export function toStatus(error: unknown): Pick<StatusObject, 'code' | 'details' | 'metadata'> {
  const own = HoldfastError.from(error);
  const data = { ...own.toData(), message: own.message.slice(0, MESSAGE_LIMIT) };
  let json = Buffer.from(JSON.stringify(data));
  if (json.length > ERROR_BYTES_LIMIT) json = Buffer.from(JSON.stringify({ ...data, details: {} }));
  const metadata = new Metadata();
  metadata.set(ERROR_KEY, json);
  // The status message travels percent-encoded in the same trailers, so that it gets a short form only.
  return {
    code: status[ERROR_CODES[own.code].grpc],
    details: data.message.slice(0, 256),
    metadata,
  };
}

/** The way back. A status of somebody else (a dead channel, a deadline) becomes the nearest code. */
export function fromStatus(error: ServiceError): HoldfastError {
  const sent = error.metadata?.get(ERROR_KEY)[0];
  const own = Buffer.isBuffer(sent) ? fromJson(sent.toString(), error) : undefined;
  if (own !== undefined) return own;
  const code = CODE_OF_STATUS.get(error.code) ?? 'INTERNAL';
  return new HoldfastError(code, error.details || error.message, { cause: error });
}

function fromJson(text: string, cause: ServiceError): HoldfastError | undefined {
  try {
    const { code, message, retryable, details } = JSON.parse(text) as Record<string, unknown>;
    if (typeof code !== 'string' || !Object.hasOwn(ERROR_CODES, code)) return undefined;
    return new HoldfastError(code as ErrorCode, String(message), {
      cause,
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
