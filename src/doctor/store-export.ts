/** The events of a store file as subscribers get them, without an agent. */
import { resolveRef, type Place } from '../actors/references.ts';
import type { PublicEvent } from '../api.ts';
import { HoldfastError } from '../errors.ts';
import { decode, encode } from '../events/codec.ts';
import { parseStream } from '../events/envelope.ts';
import { StoreCheck, type StoreFault } from '../log/store-check.ts';
import type { StoreFile } from '../log/store-file.ts';
import { readable } from '../log/stored-event.ts';
import { metaOf } from '../log/torn-store.ts';
import { isAllocLive } from '../machines/alloc-facts.ts';
import { publicEvent } from '../projections/public-event.ts';
import { openAndRead, type ReadPlace } from './store-place.ts';
import type { StoreReading } from './store-reading.ts';

export interface ExportQuery {
  /** Only later events; without it everything that is kept. */
  readonly after?: number;
  readonly ref?: string;
}

export interface StoreExport {
  /** Before this position only what was not compacted away is left. */
  readonly oldest: number;
  /** To be read to the end, or left by `return`: the file is open until then. */
  readonly events: Iterable<PublicEvent>;
}

/**
 * Everything that can be read, in order. What is wrong with the file is given to `onFault` first, what is wrong with an
 * event in its place. The store is not held while a slow reader takes its time.
 * Errors: those of `openStoreFile`; NOT_FOUND and AMBIGUOUS for `ref`; POSITION_AHEAD, POSITION_COMPACTED, the latter
 * also when an agent compacts the store under a slow reader.
 */
export function exportStore(
  place: ReadPlace,
  query: ExportQuery,
  onFault: (fault: StoreFault) => void,
): StoreExport {
  const { reading, file } = openAndRead(place);
  try {
    reading.fileFaults.forEach(onFault);
    const after = startOf(query, file);
    const only = query.ref === undefined ? undefined : placeOf(query.ref, reading);
    file.letGo();
    return {
      oldest: compactedIn(file) + 1,
      events: wanted(file, { after, place: only, names: reading.names }, onFault),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

function* wanted(
  file: StoreFile,
  {
    after,
    place,
    names,
  }: Pick<StoreReading, 'names'> & { after: number; place: Place | undefined },
  onFault: (fault: StoreFault) => void,
): Generator<PublicEvent> {
  const storeId = file.meta.get('storeId') ?? '';
  const nameOf = (allocId: string) => names.get(allocId) ?? null;
  try {
    for (const found of new StoreCheck(file).rows()) {
      if ('fault' in found) {
        if ((found.position ?? 0) > after) onFault(found);
      } else if (found.row.position > after && isAt(found.row.stream, place)) {
        yield publicEvent(readable(found.row, storeId, { decode, encode }), nameOf);
      }
    }
    const now = Number(metaOf(file.connection).get('compactedThrough') ?? 0);
    if (now !== compactedIn(file)) {
      throw compacted(now, 'an agent compacted the store meanwhile: begin again');
    }
  } finally {
    file.close();
  }
}

function startOf({ after }: ExportQuery, file: StoreFile): number {
  const compactedThrough = compactedIn(file);
  if (after === undefined) return 0;
  if (after > file.highest) {
    const details = { storeId: file.meta.get('storeId') ?? null, head: file.highest };
    const text = `position ${after} is ahead of the head ${file.highest}`;
    throw new HoldfastError('POSITION_AHEAD', text, { details });
  }
  if (after < compactedThrough) {
    throw compacted(
      compactedThrough,
      `events before ${compactedThrough + 1} were compacted away; without --after all that are kept are given`,
    );
  }
  return after;
}

function compactedIn(file: StoreFile): number {
  return Number(file.meta.get('compactedThrough') ?? 0);
}

function compacted(through: number, text: string): HoldfastError {
  return new HoldfastError('POSITION_COMPACTED', text, { details: { oldest: through + 1 } });
}

function placeOf(ref: string, { allocs }: StoreReading): Place {
  return resolveRef(ref, allocs, (name) =>
    [...allocs.keys()].find((allocId) => {
      const state = allocs.get(allocId)?.state;
      return state?.context.name === name && isAllocLive(state.value);
    }),
  );
}

function isAt(stream: string, place: Place | undefined): boolean {
  if (place === undefined) return true;
  const { allocId, task } = parseStream(stream) ?? {};
  return allocId === place.allocId && (place.task === undefined || task === place.task);
}
