/** One message for events that are there together: a message each would cost more than the events. */
import type { PublicEvent } from '../api.ts';
import { toEvent } from './convert.ts';
import type { Event } from '../rpc/gen/holdfast/agent/v1/agent.ts';

const MAX_EVENTS = 256;
/** Characters of data; with the window of the connection it bounds what a stopped reader costs. */
const MAX_DATA = 32 * 1024;

/**
 * What the source gives without waiting for the outside goes into one batch; an event that comes alone leaves alone and
 * at once. An error of the source comes after the events before it. At most one event is taken ahead of the reader.
 */
export async function* eventBatches(events: AsyncIterable<PublicEvent>): AsyncGenerator<Event[]> {
  const source = events[Symbol.asyncIterator]();
  let ahead = ask(source);
  try {
    for (;;) {
      const first = await ahead;
      if (first.done === true) return;
      const batch = [toEvent(first.value)];
      let size = batch[0]?.data.length ?? 0;
      const turnIsOver = endOfTurn();
      ahead = ask(source);
      while (batch.length < MAX_EVENTS && size < MAX_DATA) {
        const next = await Promise.race([ahead, turnIsOver]).catch(() => undefined);
        if (next === undefined || next.done === true) break;
        const event = toEvent(next.value);
        batch.push(event);
        size += event.data.length;
        ahead = ask(source);
      }
      yield batch;
    }
  } finally {
    // Not awaited: a source that waits for its next event only ends by its signal.
    source.return?.().catch(() => undefined);
  }
}

/** The answer is looked at later, so that a failure meanwhile must not count as one that nobody handles. */
function ask(source: AsyncIterator<PublicEvent>): Promise<IteratorResult<PublicEvent>> {
  const next = source.next();
  next.catch(() => undefined);
  return next;
}

function endOfTurn(): Promise<undefined> {
  return new Promise((resolve) => {
    setImmediate(() => resolve(undefined));
  });
}
