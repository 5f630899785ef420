/** What both deciders share: the grammar of `decide(message, state, tools)`. */
import type { HoldfastError } from '../errors.ts';

/** Time and chance come in as arguments and leave as fields of events. */
export interface DecisionTools {
  /** Wall-clock milliseconds since the epoch: the label of what is decided. */
  readonly now: number;
  /** Milliseconds of the steady clock, on which every deadline and interval is. */
  readonly steady: number;
  /** A number in [0, 1). */
  readonly chance: number;
  /** The identity of a start that is about to be recorded. */
  newLaunch(run: number): LaunchIdentity;
}

export interface LaunchIdentity {
  readonly launchKey: string;
  readonly token: string;
  readonly mark: string;
  readonly machineEpoch: string;
}

/** A command that makes no sense now. Nothing is appended; the caller gets the error. */
export interface Rejection {
  readonly rejected: HoldfastError;
}

/** Events to append, none for a late or repeated report, or a rejection of a senseless command. */
export type Decision<E> = readonly E[] | Rejection;

export function isRejection<E>(decision: Decision<E>): decision is Rejection {
  return 'rejected' in decision;
}
