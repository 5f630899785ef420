/** A store in a few facts. */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { layoutOf } from '../layout.ts';
import { readHeadMark } from '../log/head-mark.ts';
import { openStoreFile, type StoreFile } from '../log/store-file.ts';
import { attempt, removedStreams } from '../log/torn-store.ts';
import { lockHolder } from '../os/file-lock.ts';
import { readStore, type LastAgent } from './store-reading.ts';

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
  /** Damaged stores beside it. */
  readonly aside: readonly { readonly name: string; readonly sizeBytes: number }[];
  /** Most frequent first. */
  readonly eventsByType: readonly { readonly type: string; readonly events: number }[];
}

/** Errors are those of `openStoreFile`. */
export function storeSummary(place: {
  readonly path: string;
  readonly markPath: string | undefined;
  readonly dataDir: string | undefined;
}): StoreSummary {
  const { path, markPath, dataDir } = place;
  // The mark first: it may only lag behind what is read after it.
  const mark = markPath === undefined ? undefined : readHeadMark(markPath);
  const file = openStoreFile(path);
  try {
    const reading = readStore(file, mark);
    const { lastAgent } = reading;
    const stateDir = dataDir === undefined ? undefined : layoutOf(dataDir).stateDir;
    return {
      ...factsOf(file),
      events: reading.events,
      streams: reading.streams,
      agents: reading.epochs.size,
      lastAgent:
        lastAgent === undefined
          ? null
          : { ...lastAgent, startedAt: new Date(lastAgent.startedAt).toISOString() },
      lockedBy: stateDir === undefined ? null : (lockHolder(join(stateDir, 'lock')) ?? null),
      faults: reading.faults.length + reading.quarantined.length,
      aside: dataDir === undefined ? [] : damagedStores(dirname(path)),
      eventsByType: [...reading.eventsByType]
        .map(([type, events]) => ({ type, events }))
        .sort((a, b) => b.events - a.events || (a.type < b.type ? -1 : 1)),
    };
  } finally {
    file.close();
  }
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
export function damagedStores(
  storeDir: string,
): readonly { readonly name: string; readonly sizeBytes: number }[] {
  return (attempt(() => readdirSync(storeDir)) ?? [])
    .filter((name) => /^log\.db\.damaged(-[^-]+)?$/.test(name))
    .sort()
    .map((name) => ({ name, sizeBytes: statSync(join(storeDir, name)).size }));
}
