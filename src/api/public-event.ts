/** What subscribers get, and what they may ask for. */
import type { Abortable } from '../ports.ts';

/** An event as subscribers see it. `run` is 0 before the first run and for events that are about no run. */
export interface PublicEvent {
  readonly position: number;
  readonly storeId: string;
  /** ISO 8601, UTC, milliseconds. A label: the order is `position`. */
  readonly time: string;
  readonly type: string;
  /** Name of the alloc, null for events of the node. */
  readonly alloc: string | null;
  readonly allocId: string | null;
  readonly task: string | null;
  readonly run: number;
  readonly data: unknown;
}

export interface EventQuery extends Abortable {
  /** Exclusive: the last position that was seen. 0 or nothing = from the oldest event; 'now' = only what comes. */
  readonly after?: number | 'now';
  /** 'head' ends the iteration at the newest event of the moment of the call; nothing = follow for ever. */
  readonly until?: 'head';
  /** Refuses with POSITION_AHEAD when `after` was seen in another store. */
  readonly storeId?: string;
  /** `ALLOC` or `ALLOC/TASK`. Commands about it are among them only if `types` names them (CommandReceived …). */
  readonly ref?: string;
  readonly types?: readonly string[];
}
