/** From a row of the store to an event as readers get it. */
import { HoldfastError } from '../errors.ts';
import type { Codec } from '../events/codec.ts';
import type { AnyEvent, Recorded } from '../events/envelope.ts';
import type { StoredRow } from './event-log.ts';

/** The word under which an event is given to readers of the whole log that this code cannot read. */
export const UNREADABLE = 'Unreadable';

/** The event with its place in the log. */
export function recorded<E extends AnyEvent>(row: StoredRow, event: E, storeId: string) {
  const { position, stream, version } = row;
  return { ...event, position, storeId, stream, version } as Recorded<E>;
}

/**
 * The event of a row; one that cannot be read becomes `Unreadable` with `data: { type, schema, code, message }`, so
 * that one strange event does not keep its readers from all that follow.
 */
export function readable(row: StoredRow, storeId: string, codec: Codec): Recorded {
  try {
    return recorded(row, codec.decode(row), storeId);
  } catch (error) {
    const { type, schema, run, at } = row;
    const { code, message } = HoldfastError.from(error);
    return recorded(
      row,
      { type: UNREADABLE, run, at, data: { type, schema, code, message } },
      storeId,
    );
  }
}
