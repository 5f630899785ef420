/** What looking at a program once gives. */
import type { CheckStatus } from '../../events/task-event.ts';

export interface ProbeResult {
  readonly status: CheckStatus;
  /** For an operator; not yet without secrets. */
  readonly output: string;
}

/** `signal` aborts when its time is up or the program is being ended. A throw is critical, with its message. */
export type Probe = (signal: AbortSignal) => Promise<ProbeResult>;

/** More than what is kept, so that secrets at its end can be seen whole. */
export const KEPT_BYTES = 8_192;
