/**
 * Putting a new store in the place of one that cannot be used: filled with what could be read of a damaged one, empty
 * in the place of a foreign one. The old one is moved aside and never deleted.
 */
import { existsSync, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { HeadMark } from './head-mark.ts';
import { asideOf } from './odd-place.ts';
import { salvage, type Salvaged } from './salvage.ts';
import { SqliteRows } from './sqlite-rows.ts';
import { syncFolder } from './sync-folder.ts';
import { metaAt } from './torn-store.ts';

export interface StoreDamage {
  /** Where the store that was replaced is now; empty when there was none left. */
  readonly movedTo: string;
  readonly reason: string;
  readonly recovered: number;
  readonly lost: number | null;
  readonly previousStoreId: string | null;
}

/** In the table `meta` of the new store: what is to be recorded of the old one. */
export const DAMAGE_KEY = 'unacknowledgedDamage';

export interface Paths {
  readonly store: string;
  readonly mark: string;
  /** The new store while it is being filled, and once it is complete. */
  readonly filling: string;
  readonly complete: string;
}

export function pathsOf(dir: string): Paths {
  const store = join(dir, 'log.db');
  return {
    store,
    mark: join(dir, 'head'),
    filling: `${store}.filling`,
    complete: `${store}.recovered`,
  };
}

/** Those of the names in its directory that a store was given when it was moved aside, oldest first. */
export function storesAside(names: readonly string[]): readonly string[] {
  const stampOf = (name: string): string => name.split('-')[1] ?? '';
  return names
    .filter((name) => /^log\.db\.(?:damaged|foreign)(?:-[^-]+)?$/.test(name))
    .sort((a, b) => (stampOf(a) < stampOf(b) ? -1 : 1));
}

export interface Replacement {
  readonly reason: string;
  /** Another data directory's: nothing of it is taken over. */
  readonly isForeign: boolean;
  readonly mark: HeadMark | undefined;
}

/**
 * The new store is complete before the old one is moved, and carries the report of the damage with it: a kill at any
 * point leaves either the old store, to begin anew, or the new one, to be moved into place.
 */
export function replaceStore(paths: Paths, { reason, isForeign, mark }: Replacement): void {
  for (const suffix of SUFFIXES) rmSync(`${paths.filling}${suffix}`, { force: true });
  const salvaged = isForeign
    ? nothingOf(paths, mark)
    : salvage(paths.store, paths.filling, mark?.head ?? 0);
  const isThere = lstatSync(paths.store, { throwIfNoEntry: false }) !== undefined;
  const movedTo = isThere ? asideOf(paths.store, isForeign ? 'foreign' : 'damaged') : '';
  const previousStoreId = salvaged.previousStoreId ?? mark?.storeId ?? null;
  // Without a mark what the file speaks of is all that is known, and it may have been longer.
  const lost = mark === undefined && salvaged.lost === 0 ? null : salvaged.lost;
  const damage: StoreDamage = { movedTo, reason, ...salvaged, lost, previousStoreId };
  const filled = new SqliteRows(paths.filling);
  filled.setMeta(DAMAGE_KEY, JSON.stringify(damage));
  filled.close();
  renameSync(paths.filling, paths.complete);
  if (movedTo !== '') renameSync(paths.store, movedTo);
  finishReplacement(paths);
}

/** Nothing of a foreign store is believed, and it is told what is lost of the own one that was here before. */
function nothingOf(paths: Paths, mark: HeadMark | undefined): Salvaged {
  const isOfForeign = mark === undefined || mark.storeId === metaAt(paths.store).get('storeId');
  return {
    previousStoreId: isOfForeign ? null : mark.storeId,
    recovered: 0,
    lost: isOfForeign ? null : mark.head,
  };
}

const SUFFIXES = ['', '-wal', '-shm'];

export function finishReplacement(paths: Paths): void {
  const dir = dirname(paths.store);
  if (!existsSync(paths.complete)) return;
  if (existsSync(paths.store)) {
    rmSync(paths.complete, { force: true });
    return;
  }
  // SQLite would play a write-ahead log that is left here into the new store.
  const aside = join(dir, storesAside(readdirSync(dir)).at(-1) ?? 'log.db.damaged');
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(paths.store + suffix)) renameSync(paths.store + suffix, aside + suffix);
  }
  renameSync(paths.complete, paths.store);
  syncFolder(dir);
}
