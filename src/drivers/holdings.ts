/** What a driver made outside of its runs, such as images, containers and networks: recorded before it is used. */

/** One thing. `kind` and `id` are the driver's words: short, and no secret. */
export interface Thing {
  /** Such as `image`, `container`, `network` or `volume`. */
  readonly kind: string;
  /** Names it among all of its kind, for ever: a name that was chosen before it is made will do. */
  readonly id: string;
}

/** One that is recorded. */
export interface Holding extends Thing {
  /** The run in which it was recorded first; 0: before the first. */
  readonly run: number;
}

/** The record of one task. It outlives runs and agents; what is left in it in the end, `cleanUp` is asked to undo. */
export interface Holdings {
  /** What is recorded now, oldest first. */
  current(): readonly Holding[];
  /**
   * Resolves when it is durable: call it before the thing exists, or before it is used. May be repeated: recorded once.
   * Errors: WRONG_STATE when the task is being cleaned up or over and for the 257th thing, CLOSED. None of them is to
   * be passed over: a thing that is not recorded is undone by nobody.
   */
  record(thing: Thing): Promise<void>;
  /** It is gone, or was never made. Resolves when that is durable. May be repeated. Errors: CLOSED. */
  forget(thing: Thing): Promise<void>;
}
