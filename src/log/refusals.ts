/** The errors of a log, worded once. */
import { HoldfastError, messageOf } from '../errors.ts';
import { NODE_STREAM, type StreamName } from '../events/envelope.ts';
import type { EventLog } from './event-log.ts';

/**
 * Throws unless one may read on after this position: USAGE, POSITION_AHEAD or POSITION_COMPACTED. Who reads what is
 * kept, from the beginning, misses nothing below `keptBelow`.
 */
export function refusePosition(log: EventLog, after: number, keptBelow = 0): void {
  if (!Number.isSafeInteger(after) || after < 0) {
    throw new HoldfastError('USAGE', `${after} is not a position: expected 0 or more`);
  }
  const { storeId, head, oldest } = log;
  if (after > head) {
    throw new HoldfastError('POSITION_AHEAD', `position ${after} is ahead of the head ${head}`, {
      details: { storeId, head },
    });
  }
  if (after < oldest - 1 && after >= keptBelow) {
    const text = `events before ${oldest} were compacted away: go on after position ${oldest - 1}, or name none for all that are kept`;
    throw new HoldfastError('POSITION_COMPACTED', text, { details: { oldest } });
  }
}

/** Throws USAGE for the stream of the node among those that are to be removed: what it says of the others stays. */
export function refuseNodeStream(streams: readonly StreamName[]): void {
  if (!streams.includes(NODE_STREAM)) return;
  throw new HoldfastError('USAGE', `stream ${NODE_STREAM} is never removed`);
}

export function versionConflict(
  stream: StreamName,
  expected: number,
  actual: number,
): HoldfastError {
  return new HoldfastError(
    'VERSION_CONFLICT',
    `${stream} is at version ${actual}, not at ${expected}`,
    { details: { stream, expected, actual } },
  );
}

/** EPOCH_STALE says more than STORE_FAILED would; whatever else went wrong, the outcome is unknown. */
export function writeFailure(error: unknown): HoldfastError {
  const isNamed = HoldfastError.is(error, 'EPOCH_STALE') || HoldfastError.is(error, 'STORE_FAILED');
  if (isNamed) return HoldfastError.from(error);
  return new HoldfastError('STORE_FAILED', `the log cannot be written: ${messageOf(error)}`, {
    cause: error,
  });
}

/** An agent that was stopped for a while, or whose lock somebody took away, must not write beside its successor. */
export function takenOver(current: number, epoch: number): HoldfastError {
  const text = `agent ${current} took over from agent ${epoch}`;
  return new HoldfastError('EPOCH_STALE', text, { details: { epoch, current } });
}

/** An agent that had the store open, and whose lock somebody took away, wrote while another one opened it. */
export function overtaken(newest: number): HoldfastError {
  const text = 'another agent wrote to the store while it was being opened: open it again';
  return new HoldfastError('STORE_FAILED', text, { details: { isOvertaken: true, newest } });
}

export function isOvertaken(error: unknown): boolean {
  return HoldfastError.is(error, 'STORE_FAILED') && error.details['isOvertaken'] === true;
}
