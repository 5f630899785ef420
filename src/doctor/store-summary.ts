/** A store in a few facts. */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { layoutOf } from '../layout.ts';
import { storesAside } from '../log/replace-store.ts';
import type { StoreFile } from '../log/store-file.ts';
import { attempt, removedStreams } from '../log/torn-store.ts';
import { lockHolder } from '../os/file-lock.ts';
import { withStore, type StorePlace } from './store-place.ts';
import type { LastAgent } from './last-words.ts';

export interface StoreSummary {
  readonly path: string;
  readonly storeId: string | null;
  /** Number of the shape of its tables. */
  readonly version: number;
  readonly sizeBytes: number;
  readonly walBytes: number;
  readonly head: number;
  readonly oldest: number;
  readonly events: number;
  readonly streams: number;
  /** Streams whose events were compacted away. */
  readonly removed: number;
  readonly snapshots: number;
  /** How many agents wrote events that are kept. */
  readonly agents: number;
  readonly lastAgent: (Omit<LastAgent, 'startedAt'> & { readonly startedAt: string }) | null;
  /** Pid of the process that holds the data directory, 0 for one of another pid namespace; null when it is free. */
  readonly lockedBy: number | null;
  readonly faults: number;
  /** Damaged and foreign stores beside it. */
  readonly aside: readonly { readonly name: string; readonly sizeBytes: number }[];
  /** Most frequent first. */
  readonly eventsByType: readonly { readonly type: string; readonly events: number }[];
}

/** Errors are those of `openStoreFile`. */
export function storeSummary(place: StorePlace): StoreSummary {
  return withStore(place, (reading, file) => ({
    ...factsOf(file),
    events: reading.events,
    streams: reading.streams,
    agents: reading.epochs.size,
    lastAgent: withIsoTime(reading.lastWords.last),
    ...surroundings(place),
    faults: reading.faults.length + reading.quarantined.length,
    eventsByType: [...reading.eventsByType]
      .map(([type, events]) => ({ type, events }))
      .sort((a, b) => b.events - a.events || (a.type < b.type ? -1 : 1)),
  }));
}

function withIsoTime(agent: LastAgent | undefined): StoreSummary['lastAgent'] {
  return agent === undefined
    ? null
    : { ...agent, startedAt: new Date(agent.startedAt).toISOString() };
}

/** What a single file does not have. */
function surroundings({ path, dataDir }: StorePlace): Pick<StoreSummary, 'lockedBy' | 'aside'> {
  if (dataDir === undefined) return { lockedBy: null, aside: [] };
  const lock = join(layoutOf(dataDir).stateDir, 'lock');
  return { lockedBy: lockHolder(lock) ?? null, aside: storesMovedAside(dirname(path)) };
}

function factsOf(file: StoreFile) {
  const { path, version, sizeBytes, walBytes, meta, highest, connection } = file;
  const count = () => connection.prepare('SELECT count(*) FROM snapshots').pluck().get();
  return {
    path,
    storeId: meta.get('storeId') ?? null,
    version,
    sizeBytes,
    walBytes,
    head: highest,
    oldest: Number(meta.get('compactedThrough') ?? 0) + 1,
    removed: removedStreams(connection).length,
    snapshots: Number(attempt(count) ?? 0),
  };
}

/** Stores that an agent moved aside, oldest first. */
export function storesMovedAside(
  storeDir: string,
): readonly { readonly name: string; readonly sizeBytes: number }[] {
  return storesAside(attempt(() => readdirSync(storeDir)) ?? []).map((name) => ({
    name,
    sizeBytes: statSync(join(storeDir, name)).size,
  }));
}
