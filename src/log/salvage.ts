/** Copying what can still be read of a damaged store into a new one. */
import { existsSync } from 'node:fs';
import type { StoredRow } from './event-log.ts';
import { isOddPlace } from './odd-place.ts';
import { checked } from './sqlite-row.ts';
import { SqliteRows } from './sqlite-rows.ts';
import { SNAPSHOTS_KEY } from './sqlite-snapshots.ts';
import type { Connection } from './sqlite.ts';
import { StreamIds } from './stream-ids.ts';
import {
  attempt,
  connectTorn,
  highestOf,
  metaOf,
  readableRows,
  removedStreams,
} from './torn-store.ts';

export interface Salvaged {
  readonly previousStoreId: string | null;
  /** Events in the new store. */
  readonly recovered: number;
  /** Events of the old store that are not; null when it cannot be told how many there were. */
  readonly lost: number | null;
}

/**
 * Copies events with a right checksum in their order, of each stream only the versions that follow each other from its
 * first: a state folded over a gap would be wrong, one folded from a prefix is merely old. Positions are given anew.
 * `knownHead` is how far the log was known to have come, 0 if nobody knows. Changes nothing in the old store.
 * Errors: STORE_FAILED when the new store cannot be written.
 */
export function salvage(oldPath: string, newPath: string, knownHead: number): Salvaged {
  const target = new SqliteRows(newPath);
  try {
    const old = isReadable(oldPath) ? openOld(oldPath) : undefined;
    if (old === undefined) return { previousStoreId: null, recovered: 0, lost: knownHead || null };
    try {
      return copy(old, target, knownHead);
    } finally {
      old.close();
    }
  } finally {
    target.close();
  }
}

function isReadable(path: string): boolean {
  return existsSync(path) && !isOddPlace(path);
}

function openOld(path: string): Connection | undefined {
  return attempt(() => {
    const connection = connectTorn(path);
    // The first statement is the first look at the file.
    if (attempt(() => connection.pragma('schema_version')) !== undefined) return connection;
    connection.close();
    return undefined;
  });
}

function copy(old: Connection, target: SqliteRows, knownHead: number): Salvaged {
  const meta = metaOf(old);
  const streams = attempt(() => new StreamIds(old));
  const highest = Math.max(knownHead, highestOf(old));
  const writer = batchWriter(target);
  const versions = new Map<number, number>();
  if (streams !== undefined) {
    for (const { id, name, removed } of removedStreams(old)) {
      target.reserve(name, removed);
      versions.set(id, removed);
    }
    for (const row of readableRows(old, highest)) {
      const expected = (versions.get(row.stream) ?? 0) + 1;
      const intact = attempt(() => checked(row, streams, expected));
      if (intact === undefined) continue;
      versions.set(row.stream, expected);
      writer.add(intact, row.epoch);
    }
  }
  const recovered = writer.finish();
  for (const [key, value] of meta) {
    if (!OWN_KEYS.has(key)) target.setMeta(key, value);
  }
  // Hosts refuse an agent whose epoch is older than one they have seen.
  const stored = Number(meta.get('agentEpoch') ?? 0);
  const epoch = Math.max(Number.isSafeInteger(stored) ? stored : 0, writer.highestEpoch());
  if (epoch > 0) target.setMeta('agentEpoch', String(epoch));
  const removed = Number(meta.get('compactedEvents') ?? 0);
  return {
    previousStoreId: meta.get('storeId') ?? null,
    recovered,
    lost: highest > 0 ? Math.max(0, highest - removed - recovered) : null,
  };
}

/** What speaks of one store only. */
const OWN_KEYS = new Set([
  SNAPSHOTS_KEY,
  'storeId',
  'indexedThrough',
  'compactedThrough',
  'compactedEvents',
  'agentEpoch',
]);

function batchWriter(target: SqliteRows) {
  let batch: StoredRow[] = [];
  let batchEpoch = 0;
  let highestEpoch = 0;
  let written = 0;
  const flush = () => {
    if (batch.length > 0) target.writeRescued(batch, batchEpoch);
    batch = [];
  };
  return {
    add(row: StoredRow, epoch: number): void {
      if (epoch !== batchEpoch || batch.length === 1_000) flush();
      batchEpoch = epoch;
      highestEpoch = Math.max(highestEpoch, epoch);
      written += 1;
      batch.push({ ...row, position: written });
    },
    finish(): number {
      flush();
      return written;
    },
    highestEpoch: () => highestEpoch,
  };
}
