/** A recorded event as subscribers see it. */
import type { PublicEvent } from '../api.ts';
import { parseStream, type Recorded } from '../events/envelope.ts';

/** `nameOf` gives the name of an alloc. */
export function publicEvent(
  event: Recorded,
  nameOf: (allocId: string) => string | null,
): PublicEvent {
  const { allocId = null, task = null } = parseStream(event.stream) ?? {};
  return {
    position: event.position,
    storeId: event.storeId,
    time: new Date(event.at).toISOString(),
    type: event.type,
    alloc: allocId === null ? null : nameOf(allocId),
    allocId,
    task,
    run: event.run,
    data: withoutToken(event.data),
  };
}

/** The token of a start lets its holder command a host: it stands in the log, and goes no further. */
function withoutToken(facts: unknown): unknown {
  if (typeof facts !== 'object' || facts === null || !('token' in facts)) return facts;
  const { token: _token, ...rest } = facts;
  return rest;
}
