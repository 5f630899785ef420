/** How a call of an engine failed, and what is known then. */
import { HoldfastError } from '../errors.ts';

export type EngineFault =
  /** The engine said no, with an HTTP status. Nothing happened, or (5xx) perhaps a part. */
  | 'refused'
  /** Nobody took the call: nothing happened. */
  | 'unreachable'
  /** No answer in time, or one that broke off: it may have worked. */
  | 'timeout'
  | 'broken';

export class EngineError extends HoldfastError {
  readonly kind: EngineFault;
  /** Only of a refusal. */
  readonly status: number | undefined;

  constructor(kind: EngineFault, message: string, more: { status?: number; cause?: unknown } = {}) {
    const isRefusal = kind === 'refused' && (more.status ?? 500) < 500;
    super(isRefusal ? 'WRONG_STATE' : 'UNAVAILABLE', message, {
      cause: more.cause,
      details: { kind, ...(more.status !== undefined && { status: more.status }) },
    });
    this.kind = kind;
    this.status = more.status;
  }

  static of(error: unknown): EngineError | undefined {
    return error instanceof EngineError ? error : undefined;
  }
}

/** Did the engine refuse with this status? */
export function isRefusal(error: unknown, status: number): boolean {
  return EngineError.of(error)?.status === status;
}
