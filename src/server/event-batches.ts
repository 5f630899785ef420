/** Events as messages, as many in one as are there together. */
import type { PublicEvent } from '../api.ts';
import type { Event } from '../rpc/gen/holdfast/agent/v1/agent.ts';
import { inBatches } from './batches.ts';
import { toEvent } from './convert.ts';

const MAX_EVENTS = 256;
/** Characters of data; with the window of the connection it bounds what a stopped reader costs. */
const MAX_DATA = 32 * 1024;

export function eventBatches(events: AsyncIterable<PublicEvent>): AsyncGenerator<Event[]> {
  let size = 0;
  return inBatches(events, toEvent, ({ data }, count) => {
    size = count === 1 ? data.length : size + data.length;
    return count < MAX_EVENTS && size < MAX_DATA;
  });
}
