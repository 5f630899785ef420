/** What a sink is to whatever brings events to it. */
import { HoldfastError, type ErrorCode } from '../errors.ts';
import type { PublicEvent } from '../api.ts';

/** An event, written out in the form that the sink wants. */
export interface WrittenEvent {
  readonly position: number;
  readonly event: PublicEvent;
  /** JSON on one line. */
  readonly text: string;
}

/** From where the events are: with a position it names an event for ever. */
export interface Origin {
  readonly storeId: string;
  readonly instanceId: string;
}

/**
 * One connection to a receiver. It is opened again, as another one, after whatever went wrong; only one is open at a
 * time. `signal` aborts when the agent ends: whatever is under way is given up then.
 */
export interface Sink {
  /**
   * Called once, before anything is sent: where to go on. `after` is what the agent knows to be there; a receiver that
   * can tell that it has more says so, and gets nothing twice. Repairs what a death in the middle of writing left.
   */
  open(after: number, signal: AbortSignal): Promise<number>;
  /** Resolves when the receiver has all of these for good; they are sent again, whole, if it rejects. In order. */
  send(events: readonly WrittenEvent[], signal: AbortSignal): Promise<void>;
  /** Repeatable. Never rejects. */
  close(): Promise<void>;
}

/** Why something was not sent, with what the receiver wants done about it. */
export function sinkError(
  code: ErrorCode,
  message: string,
  more: {
    readonly cause?: unknown;
    /** It asked to be left alone for so long. */
    readonly retryAfterMs?: number;
    /** It takes less at once. */
    readonly isTooLarge?: boolean;
    /** It wants nothing any more: nothing is sent until the agent is started again. */
    readonly isGone?: boolean;
  } = {},
): HoldfastError {
  const { cause, ...details } = more;
  return new HoldfastError(code, message, { cause, details });
}
