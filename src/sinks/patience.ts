/** How long a sink that failed is left alone. */
import { HoldfastError } from '../errors.ts';

const FIRST_MS = 500;
const LONGEST_MS = 60_000;
/** A receiver that asks for more is not believed. */
const LONGEST_ASKED_MS = 3_600_000;

/**
 * Milliseconds before the next try, after so many failures in a row (from 1). Chance is over the upper half, so
 * that many agents that lost one receiver do not come back together; what a receiver asks for is the least.
 */
export function pauseMs(failures: number, fraction: number, error: unknown): number {
  const most = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 16));
  const own = Math.round(most / 2 + (most / 2) * fraction);
  const asked = HoldfastError.is(error) ? error.details['retryAfterMs'] : undefined;
  if (typeof asked !== 'number' || !(asked > 0)) return own;
  return Math.max(own, Math.min(asked, LONGEST_ASKED_MS));
}
