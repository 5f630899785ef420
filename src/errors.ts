/**
 * Every error that leaves this package. Errors are told apart by `code`, never by class: several copies of a package
 * in one process are normal, and an error may have crossed a socket.
 */

/** What each code becomes at the edges. `exit` is the command's exit status, `grpc` the status name. */
export const ERROR_CODES = {
  SPEC_INVALID: { retryable: false, grpc: 'INVALID_ARGUMENT', http: 400, exit: 6 },
  DRIVER_CONFIG_INVALID: { retryable: false, grpc: 'INVALID_ARGUMENT', http: 400, exit: 6 },
  DRIVER_UNKNOWN: { retryable: false, grpc: 'INVALID_ARGUMENT', http: 400, exit: 6 },
  DRIVER_UNHEALTHY: { retryable: true, grpc: 'FAILED_PRECONDITION', http: 409, exit: 4 },
  CAPABILITY_MISSING: { retryable: false, grpc: 'UNIMPLEMENTED', http: 501, exit: 4 },
  USAGE: { retryable: false, grpc: 'INVALID_ARGUMENT', http: 400, exit: 2 },
  NOT_FOUND: { retryable: false, grpc: 'NOT_FOUND', http: 404, exit: 3 },
  AMBIGUOUS: { retryable: false, grpc: 'FAILED_PRECONDITION', http: 409, exit: 3 },
  ALREADY_EXISTS: { retryable: false, grpc: 'ALREADY_EXISTS', http: 409, exit: 4 },
  /** A port of the machine that somebody else has. */
  PORT_IN_USE: { retryable: true, grpc: 'FAILED_PRECONDITION', http: 409, exit: 4 },
  VERSION_CONFLICT: { retryable: true, grpc: 'ABORTED', http: 412, exit: 4 },
  WRONG_STATE: { retryable: false, grpc: 'FAILED_PRECONDITION', http: 409, exit: 4 },
  START_FAILED: { retryable: false, grpc: 'FAILED_PRECONDITION', http: 422, exit: 1 },
  START_RETRYABLE: { retryable: true, grpc: 'UNAVAILABLE', http: 503, exit: 1 },
  HOOK_FAILED: { retryable: false, grpc: 'FAILED_PRECONDITION', http: 422, exit: 1 },
  KILL_TIMEOUT: { retryable: true, grpc: 'DEADLINE_EXCEEDED', http: 504, exit: 7 },
  EXECUTOR_LOST: { retryable: true, grpc: 'UNAVAILABLE', http: 503, exit: 5 },
  LOGMON_LOST: { retryable: true, grpc: 'UNAVAILABLE', http: 503, exit: 5 },
  COMMAND_NOT_FOUND: { retryable: false, grpc: 'FAILED_PRECONDITION', http: 422, exit: 127 },
  COMMAND_NOT_EXECUTABLE: { retryable: false, grpc: 'FAILED_PRECONDITION', http: 422, exit: 126 },
  RESOURCES_EXHAUSTED: { retryable: true, grpc: 'RESOURCE_EXHAUSTED', http: 507, exit: 1 },
  POSITION_COMPACTED: { retryable: false, grpc: 'OUT_OF_RANGE', http: 410, exit: 1 },
  POSITION_AHEAD: { retryable: false, grpc: 'OUT_OF_RANGE', http: 409, exit: 1 },
  DATA_DIR_REFUSED: { retryable: false, grpc: 'FAILED_PRECONDITION', http: 500, exit: 8 },
  STORE_LOCKED: { retryable: false, grpc: 'FAILED_PRECONDITION', http: 500, exit: 4 },
  STORE_CORRUPT: { retryable: false, grpc: 'DATA_LOSS', http: 500, exit: 1 },
  STORE_TOO_NEW: { retryable: false, grpc: 'FAILED_PRECONDITION', http: 500, exit: 1 },
  STORE_FAILED: { retryable: true, grpc: 'UNAVAILABLE', http: 503, exit: 1 },
  EVENT_UNKNOWN: { retryable: false, grpc: 'DATA_LOSS', http: 500, exit: 1 },
  EVENT_MALFORMED: { retryable: false, grpc: 'DATA_LOSS', http: 500, exit: 1 },
  ABORTED: { retryable: false, grpc: 'CANCELLED', http: 499, exit: 130 },
  TIMEOUT: { retryable: true, grpc: 'DEADLINE_EXCEEDED', http: 504, exit: 7 },
  CLOSED: { retryable: false, grpc: 'UNAVAILABLE', http: 503, exit: 5 },
  EPOCH_STALE: { retryable: false, grpc: 'FAILED_PRECONDITION', http: 409, exit: 4 },
  UNAUTHENTICATED: { retryable: false, grpc: 'UNAUTHENTICATED', http: 401, exit: 8 },
  PERMISSION_DENIED: { retryable: false, grpc: 'PERMISSION_DENIED', http: 403, exit: 8 },
  UNAVAILABLE: { retryable: true, grpc: 'UNAVAILABLE', http: 503, exit: 5 },
  INTERNAL: { retryable: false, grpc: 'INTERNAL', http: 500, exit: 1 },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Facts beside the message, JSON-safe, so that an error can be recorded and sent. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** An error as it is stored in an event or sent over a socket. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly details: ErrorDetails;
}

const BRAND = Symbol.for('holdfast.error');

export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  readonly code: ErrorCode;
  /** May the same call succeed later without anybody changing it? */
  readonly retryable: boolean;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: ErrorDetails; retryable?: boolean } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryable = options.retryable ?? ERROR_CODES[code].retryable;
    this.details = options.details ?? {};
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** True for a HoldfastError of any copy of this package, and of that code where one is named. */
  static is(error: unknown, code?: ErrorCode): error is HoldfastError {
    if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
    return code === undefined || (error as { code?: unknown }).code === code;
  }

  /** The error itself, or an unknown thing wrapped as INTERNAL with its message kept. */
  static from(error: unknown): HoldfastError {
    if (HoldfastError.is(error)) return error;
    return new HoldfastError('INTERNAL', messageOf(error), { cause: error });
  }

  toData(): ErrorRecord {
    return {
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      details: this.details,
    };
  }
}

/** May the same call succeed later without anybody changing it? False for what is no error of ours: that is a bug. */
export function isRetryable(error: unknown): error is HoldfastError {
  return HoldfastError.is(error) && error.retryable;
}

/** Before what Node's `rmSync` says of a system error, of which it keeps nothing but the words of the C library. */
const ONLY_WORDS = /^, Unknown error: /;

const ERRNO_OF_WORDS: readonly (readonly [words: string, errno: string])[] = [
  ['Read-only file system', 'EROFS'],
  ['No space left on device', 'ENOSPC'],
  ['Input/output error', 'EIO'],
];

/** One line for an operator from whatever was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message.replace(ONLY_WORDS, '') || error.name;
  return String(error);
}

/** What the machine, or what this process may have of it, has no more of just now. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']);

export function isExhaustion(errno: string | undefined): boolean {
  return errno !== undefined && NO_ROOM.has(errno);
}

/**
 * What the system says of a file or a directory of ours, as RESOURCES_EXHAUSTED or STORE_FAILED; any other error as it
 * is. Both may be tried again.
 */
export function diskFailure(error: unknown, doing: string): unknown {
  const errno = errnoOf(error);
  if (HoldfastError.is(error) || errno === undefined) return error;
  const code = isExhaustion(errno) ? 'RESOURCES_EXHAUSTED' : 'STORE_FAILED';
  return new HoldfastError(code, `${doing}: ${messageOf(error)}`, {
    cause: error,
    details: { errno },
  });
}

/** The `code` of a Node system error (`ENOENT`, …), or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const code = (error as { code?: unknown }).code;
  if (code !== '') return typeof code === 'string' ? code : undefined;
  const words = (error as { message?: unknown }).message;
  if (typeof words !== 'string' || !ONLY_WORDS.test(words)) return code;
  return ERRNO_OF_WORDS.find(([known]) => words.includes(known))?.[1] ?? code;
}

/** A broken promise of our own code: crashes the actor that holds it, and its supervisor decides. */
export function assert(claim: unknown, message: string): asserts claim {
  if (!claim) throw new HoldfastError('INTERNAL', `assertion failed: ${message}`);
}
