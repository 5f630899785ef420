/**
 * Opening the store of a data directory, whatever state it is in. A damaged store is moved aside, what can be read of
 * it is copied into a new one, and the caller is told, to record it: an agent that does not start helps nobody.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError, messageOf } from '../errors.ts';
import type { Logger } from '../ports.ts';
import type { EventLog } from './event-log.ts';
import { keepHeadMark, readHeadMarks, type HeadMark, type KnownMarks } from './head-mark.ts';
import { asideOf, clearOddPlace, isOddPlace } from './odd-place.ts';
import { truncateWhenQuiet } from './quiet-wal.ts';
import { eventLogOn, type EventLogOptions } from './row-event-log.ts';
import { salvage } from './salvage.ts';
import { isRowDamage } from './sqlite-row.ts';
import { SqliteRows } from './sqlite-rows.ts';
import { syncFolder } from './sync-folder.ts';

export interface OpenStoreOptions extends EventLogOptions {
  /** Holds `log.db` and `head`; made if needed, 0700. */
  readonly dir: string;
  readonly logger: Logger;
  /** Where a second mark is kept that a backup of `dir` does not hold (`markAbove`); left out: nowhere. */
  readonly markAbove?: string;
  /** An agent was here before, as something beside the store tells: one that is new must be a loss. */
  readonly wasUsed?: boolean;
  /**
   * Reads the log as the caller needs it anyway (a fold over `log.rows()`), which is at the same time the check of
   * every row. Without it all rows are read for the check alone. When it throws over a damaged row it is called once
   * more, with the log that was made of what could be recovered, and must begin from nothing.
   */
  readonly replay?: (log: EventLog) => void;
}

export interface StoreDamage {
  /** Where the damaged file is now; empty when there was none left. */
  readonly movedTo: string;
  readonly reason: string;
  readonly recovered: number;
  readonly lost: number | null;
  readonly previousStoreId: string | null;
}

export interface OpenedStore {
  readonly log: EventLog;
  /** What was found damaged, now or at an opening that ended before `acknowledgeDamage`: to be appended as an event. */
  readonly damage?: StoreDamage;
  /** To be called when the event is durable; until then every opening reports the same damage. */
  acknowledgeDamage(): void;
}

const DAMAGE_KEY = 'unacknowledgedDamage';
/** Without a commit, until the write-ahead log is moved into the store. */
const QUIET_MS = 10_000;

/**
 * Errors: STORE_TOO_NEW (a newer version wrote it; nothing was changed), STORE_FAILED (the directory or the disk does
 * not let us). Damage is never an error. The caller holds the lock of the directory.
 */
export async function openStore(options: OpenStoreOptions): Promise<OpenedStore> {
  const { dir, logger, markAbove } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const paths = pathsOf(dir);
  finishReplacement(paths, dir);
  // A shorter log is what a missing write-ahead log shows as, and is told like one.
  const beside = ['-wal', '-shm', '-journal'].map((suffix) => `${paths.store}${suffix}`);
  // The one above first: a kill in between must not look as if another store were here.
  const kept = markAbove === undefined ? [paths.mark] : [markAbove, paths.mark];
  for (const path of [...kept, ...beside]) clearOddPlace(path);
  const marks = readHeadMarks(paths.mark, markAbove);
  const opened = openOrFault(options, paths.store, marks);
  if ('rows' in opened) return present(opened.rows, opened.log, kept, logger);

  logger.error({ reason: opened.fault, dir }, 'the store is damaged and is being replaced');
  replaceStore(paths, dir, opened.fault, marks.mark);
  const rows = new SqliteRows(paths.store);
  const log = eventLogOn(rows, options);
  options.replay?.(log);
  return present(rows, log, kept, logger);
}

interface Paths {
  readonly store: string;
  readonly mark: string;
  /** The new store while it is being filled, and once it is complete. */
  readonly filling: string;
  readonly complete: string;
}

function pathsOf(dir: string): Paths {
  const store = join(dir, 'log.db');
  return {
    store,
    mark: join(dir, 'head'),
    filling: `${store}.filling`,
    complete: `${store}.recovered`,
  };
}

function present(
  rows: SqliteRows,
  log: EventLog,
  marks: readonly string[],
  logger: Logger,
): OpenedStore {
  for (const path of marks) {
    keepHeadMark(path, log, (error) => logger.warn({ error }, 'the head mark was not written'));
  }
  const truncate = (): void => rows.truncateWal();
  truncateWhenQuiet(log, { truncate, logger, quietMs: QUIET_MS });
  const damage = rows.getMeta(DAMAGE_KEY);
  return {
    log,
    ...(damage === undefined || damage === '' ? {} : { damage: damageIn(damage) }),
    acknowledgeDamage: () => log.setMeta(DAMAGE_KEY, ''),
  };
}

/** A report of damage may be damaged itself. */
function damageIn(text: string): StoreDamage {
  try {
    return JSON.parse(text) as StoreDamage;
  } catch {
    const reason = 'it was damaged before, and what was noted of that cannot be read';
    return { movedTo: '', reason, recovered: 0, lost: null, previousStoreId: null };
  }
}

type Opened = { readonly rows: SqliteRows; readonly log: EventLog } | { readonly fault: string };

function openOrFault(options: OpenStoreOptions, path: string, marks: KnownMarks): Opened {
  const { mark } = marks;
  if (isOddPlace(path)) return { fault: 'what lies in the place of the store is no file' };
  if (mark !== undefined && mark.head > 0 && !existsSync(path)) {
    return { fault: 'the store is missing' };
  }
  let rows: SqliteRows | undefined;
  try {
    rows = new SqliteRows(path);
    const log = eventLogOn(rows, options);
    const fault = shortfall(rows, marks, options.wasUsed) ?? structuralFault(rows, mark);
    if (fault === undefined) {
      if (options.replay === undefined) readAllRows(log);
      else options.replay(log);
      return { rows, log };
    }
    rows.close();
    return { fault };
  } catch (error) {
    rows?.close();
    if (HoldfastError.is(error, 'STORE_CORRUPT') || isRowDamage(error)) {
      return { fault: messageOf(error) };
    }
    throw error;
  }
}

function shortfall(
  rows: SqliteRows,
  { mark, overtaken }: KnownMarks,
  wasUsed = false,
): string | undefined {
  if (mark === undefined) {
    // It is durable before the first event is, and before an agent leaves any other trace.
    return rows.head > 0 || wasUsed
      ? 'nothing beside the store says how far the log had come'
      : undefined;
  }
  if (overtaken?.storeId === rows.storeId) {
    return `it is an older store than the one that was here last: that was ${mark.storeId}, and this is ${rows.storeId}`;
  }
  if (mark.head <= rows.head) return undefined;
  // While a store is young all of it, its identity too, may be in the write-ahead log that is gone.
  if (mark.storeId !== rows.storeId && rows.head > 0) return undefined;
  return `the log is shorter than recorded: it ends at ${rows.head}, and had come to ${mark.head}`;
}

/** Costs a second per two million events, and finds little that reading every row does not: not after a clean end. */
function structuralFault(rows: SqliteRows, mark: HeadMark | undefined): string | undefined {
  if (mark?.isClosed === true && mark.storeId === rows.storeId) return undefined;
  return rows.structuralFault();
}

function readAllRows(log: EventLog): void {
  for (const row of log.rows()) void row;
}

/**
 * The new store is complete before the old one is moved, and carries the report of the damage with it: a kill at any
 * point leaves either the old store, to begin anew, or the new one, to be moved into place.
 */
function replaceStore(paths: Paths, dir: string, reason: string, mark: HeadMark | undefined) {
  for (const suffix of SUFFIXES) rmSync(`${paths.filling}${suffix}`, { force: true });
  const salvaged = salvage(paths.store, paths.filling, mark?.head ?? 0);
  const isThere = lstatSync(paths.store, { throwIfNoEntry: false }) !== undefined;
  const movedTo = isThere ? asideOf(paths.store) : '';
  const previousStoreId = salvaged.previousStoreId ?? mark?.storeId ?? null;
  // Without a mark what the file speaks of is all that is known, and it may have been longer.
  const lost = mark === undefined && salvaged.lost === 0 ? null : salvaged.lost;
  const damage: StoreDamage = { movedTo, reason, ...salvaged, lost, previousStoreId };
  const filled = new SqliteRows(paths.filling);
  filled.setMeta(DAMAGE_KEY, JSON.stringify(damage));
  filled.close();
  renameSync(paths.filling, paths.complete);
  if (movedTo !== '') renameSync(paths.store, movedTo);
  finishReplacement(paths, dir);
}

const SUFFIXES = ['', '-wal', '-shm'];

function finishReplacement(paths: Paths, dir: string): void {
  if (!existsSync(paths.complete)) return;
  if (existsSync(paths.store)) {
    rmSync(paths.complete, { force: true });
    return;
  }
  // SQLite would play a write-ahead log that is left here into the new store.
  const stores = readdirSync(dir).filter((name) => /^log\.db\.damaged-[^-]+$/.test(name));
  const aside = join(dir, stores.sort().at(-1) ?? 'log.db.damaged');
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(paths.store + suffix)) renameSync(paths.store + suffix, aside + suffix);
  }
  renameSync(paths.complete, paths.store);
  syncFolder(dir);
}
