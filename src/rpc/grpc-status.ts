import { Metadata, type ServiceError, status, type StatusObject } from '@grpc/grpc-js';
import { ERROR_CODES, type ErrorCode, HoldfastError } from '../errors.ts';
import { fromErrorBytes, toErrorBytes } from './error-bytes.ts';
import { STATUS_DETAILS_KEY, toStatusDetails } from './status-details.ts';

/** Binary, because an error's text may be in any script and headers are ASCII. */
const ERROR_KEY = 'holdfast-error-bin';

/** What a status without our own data means. Everything else is INTERNAL. */
const CODE_OF_STATUS = new Map<number, ErrorCode>([
  [status.CANCELLED, 'ABORTED'],
  [status.DEADLINE_EXCEEDED, 'TIMEOUT'],
  [status.UNAVAILABLE, 'UNAVAILABLE'],
  [status.UNIMPLEMENTED, 'CAPABILITY_MISSING'],
  [status.RESOURCE_EXHAUSTED, 'RESOURCES_EXHAUSTED'],
  [status.NOT_FOUND, 'NOT_FOUND'],
  [status.UNAUTHENTICATED, 'UNAUTHENTICATED'],
  [status.PERMISSION_DENIED, 'PERMISSION_DENIED'],
]);

/**
 * The gRPC status of anything thrown: its code by the table in errors.ts; beside it the whole error as JSON, for our
 * own clients, and its main points as google.rpc.Status, for everybody's.
 */
export function toStatus(error: unknown): Pick<StatusObject, 'code' | 'details' | 'metadata'> {
  const own = HoldfastError.from(error);
  const metadata = new Metadata();
  const code = status[ERROR_CODES[own.code].grpc];
  metadata.set(ERROR_KEY, toErrorBytes(own));
  metadata.set(STATUS_DETAILS_KEY, toStatusDetails(own, code));
  // The status message travels percent-encoded in the same trailers, so that it gets a short form only.
  return {
    code,
    details: own.message.slice(0, 256),
    metadata,
  };
}

/**
 * The way back. A status of somebody else (a dead channel, a deadline) becomes the nearest code. A call that was not
 * given up here was given up by an agent that ends.
 */
export function fromStatus(error: ServiceError, isGivenUpHere = true): HoldfastError {
  const sent = error.metadata?.get(ERROR_KEY)[0];
  const own = Buffer.isBuffer(sent) ? fromErrorBytes(sent, { cause: error }) : undefined;
  if (own !== undefined) return own;
  if (error.code === status.CANCELLED && !isGivenUpHere) {
    return new HoldfastError('UNAVAILABLE', 'it ended before it answered', { cause: error });
  }
  if (error.code === status.DEADLINE_EXCEEDED) {
    const text =
      'no answer came in time: whether it was done is not known, and it may be asked again';
    return new HoldfastError('TIMEOUT', text, { cause: error });
  }
  const code = CODE_OF_STATUS.get(error.code) ?? 'INTERNAL';
  return new HoldfastError(code, error.details || error.message, { cause: error });
}
