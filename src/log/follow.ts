/**
 * Following the log. A subscriber is a position and nothing else: everything it gets is read from the log, page by
 * page, and a commit only rings a bell. So there is one path for old and new events, a slow subscriber costs no memory,
 * and none can keep another from its events.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Recorded } from '../events/envelope.ts';
import type { EventLog, ReadOptions } from './event-log.ts';
import { refusePosition } from './refusals.ts';

/** Events in memory for one subscriber, at most. */
const PAGE_EVENTS = 256;

export interface FollowOptions {
  /** Events after this position: 0 for all, `log.head` for what is new. */
  readonly after: number;
  /** Ends at what was the head when the iteration began; otherwise it waits for more, for ever. */
  readonly until?: 'head';
  /** Ends the iteration as if there were no more events; nothing is thrown. */
  readonly signal?: AbortSignal;
  readonly streamPrefixes?: readonly string[];
  readonly types?: readonly string[];
  /** See `ReadOptions`. */
  readonly keptBelow?: number;
}

/**
 * The events after a position, in order, durable, each once. Ends when the signal aborts, or when the log is closed and
 * everything was given. Each `for await` begins anew at `after`. To end an iteration that waits, abort it: `return()`
 * takes effect only at the next event.
 * Errors: POSITION_AHEAD{storeId, head}, POSITION_COMPACTED{oldest} (also later, when a compaction overtakes a slow
 * subscriber), EVENT_MALFORMED, STORE_CORRUPT, STORE_FAILED and EPOCH_STALE (also when the log can be written no more:
 * go on from the last position once it was opened anew), CLOSED (the log was closed before everything was given).
 */
export function follow(log: EventLog, options: FollowOptions): AsyncIterable<Recorded> {
  return { [Symbol.asyncIterator]: () => events(log, options) };
}

async function* events(log: EventLog, options: FollowOptions): AsyncGenerator<Recorded, void> {
  const { after, signal } = options;
  refusePosition(log, after, options.keptBelow);
  const end = options.until === 'head' ? log.head : Number.POSITIVE_INFINITY;
  const wakeUp = alarm(log, signal);
  const reading = readingOf(options);
  try {
    for (let position = after; position < end && !isAborted(signal);) {
      const page = log.readPage(position, reading);
      for (const event of page.events) {
        if (isAborted(signal) || event.position > end) return;
        yield event;
      }
      position = page.next;
      // A subscriber that has much to catch up on must not keep everybody else waiting.
      if (position < log.head) await nextTurn();
      else if (log.failure !== undefined) throw log.failure;
      else if (log.isClosed) return;
      else if (position < end) await wakeUp.next(position);
    }
  } finally {
    wakeUp.stop();
  }
}

/** Waits for the head to pass a position, for the abort or for the end of the log, whichever comes first. */
function alarm(log: EventLog, signal: AbortSignal | undefined) {
  let wake: () => void = () => undefined;
  const ring = () => wake();
  const cancel = log.onAppended(ring);
  signal?.addEventListener('abort', ring);
  return {
    next(position: number): Promise<void> {
      return new Promise((resolve) => {
        wake = resolve;
        const isOver = log.isClosed || log.failure !== undefined;
        if (log.head > position || isOver || isAborted(signal)) resolve();
      });
    },
    stop(): void {
      cancel();
      signal?.removeEventListener('abort', ring);
    },
  };
}

function readingOf(options: FollowOptions): ReadOptions {
  return {
    limit: PAGE_EVENTS,
    ...(options.streamPrefixes === undefined ? {} : { streamPrefixes: options.streamPrefixes }),
    ...(options.types === undefined ? {} : { types: options.types }),
    ...(options.keptBelow === undefined ? {} : { keptBelow: options.keptBelow }),
  };
}

/** A call, so that the compiler does not take an earlier answer for the present one. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted ?? false;
}
