/**
 * Opening the store of a data directory, whatever state it is in. A damaged store is moved aside, what can be read of
 * it is copied into a new one, and the caller is told, to record it: an agent that does not start helps nobody.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { HoldfastError, messageOf } from '../errors.ts';
import type { Logger } from '../ports.ts';
import type { EventLog } from './event-log.ts';
import {
  keepHeadMark,
  readHeadMark,
  readHeadMarks,
  type HeadMark,
  type KnownMarks,
} from './head-mark.ts';
import { clearOddPlace, isOddPlace } from './odd-place.ts';
import { truncateWhenQuiet } from './quiet-wal.ts';
import { eventLogOn, type EventLogOptions } from './row-event-log.ts';
import {
  DAMAGE_KEY,
  finishReplacement,
  pathsOf,
  replaceStore,
  type StoreDamage,
} from './replace-store.ts';
import { isRowDamage } from './sqlite-row.ts';
import { SqliteRows } from './sqlite-rows.ts';
import { metaAt } from './torn-store.ts';

export interface OpenStoreOptions extends EventLogOptions {
  /** Holds `log.db` and `head`; made if needed, 0700. */
  readonly dir: string;
  readonly logger: Logger;
  /** Where a second mark is kept that a backup of `dir` does not hold (`markAbove`); left out: nowhere. */
  readonly markAbove?: string;
  /** An agent was here before, as something beside the store tells: one that is new must be a loss. */
  readonly wasUsed?: boolean;
  /** Says why a store is another data directory's, if it is. Asked before anything of it is believed. */
  readonly strangeness?: (claim: StoreClaim) => string | undefined;
  /**
   * Reads the log as the caller needs it anyway (a fold over `log.rows()`), which is at the same time the check of
   * every row. Without it all rows are read for the check alone. When it throws over a damaged row it is called once
   * more, with the log that was made of what could be recovered, and must begin from nothing.
   */
  readonly replay?: (log: EventLog) => void;
}

/** What a store says of itself, and what is said of it beside its directory. */
export interface StoreClaim {
  /** Whose it says it is; undefined while no agent has opened it. */
  readonly instanceId: string | undefined;
  /** Does the mark above its directory speak of it? Undefined when there is none. */
  readonly isMarked: boolean | undefined;
}

export type { StoreDamage } from './replace-store.ts';

export interface OpenedStore {
  readonly log: EventLog;
  /** What was found damaged, now or at an opening that ended before `acknowledgeDamage`: to be appended as an event. */
  readonly damage?: StoreDamage;
  /** To be called when the event is durable; until then every opening reports the same damage. */
  acknowledgeDamage(): void;
}

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
  finishReplacement(paths);
  // A shorter log is what a missing write-ahead log shows as, and is told like one.
  const beside = ['-wal', '-shm', '-journal'].map((suffix) => `${paths.store}${suffix}`);
  // The one above first: a kill in between must not look as if another store were here.
  const kept = markAbove === undefined ? [paths.mark] : [markAbove, paths.mark];
  for (const path of [...kept, ...beside]) clearOddPlace(path);
  const marks = readHeadMarks(paths.mark, markAbove);
  const opened = openOrFault(options, paths.store, marks);
  if ('rows' in opened) return present(opened.rows, opened.log, kept, logger);

  const { fault, isForeign = false } = opened;
  logger.error({ reason: fault, dir }, 'the store cannot be used as it is and is being replaced');
  replaceStore(paths, { reason: fault, isForeign, mark: marks.mark });
  const rows = new SqliteRows(paths.store);
  const log = eventLogOn(rows, options);
  options.replay?.(log);
  return present(rows, log, kept, logger);
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

type Opened =
  | { readonly rows: SqliteRows; readonly log: EventLog }
  | { readonly fault: string; readonly isForeign?: boolean };

function openOrFault(options: OpenStoreOptions, path: string, marks: KnownMarks): Opened {
  const { mark } = marks;
  if (isOddPlace(path)) return { fault: 'what lies in the place of the store is no file' };
  const hadStore = mark === undefined ? options.wasUsed === true : mark.head > 0;
  if (hadStore && !existsSync(path)) {
    return { fault: 'the store is missing' };
  }
  let rows: SqliteRows | undefined;
  try {
    rows = new SqliteRows(path);
    const opened = rows;
    const foreign = foreignFault(options, (key) => opened.getMeta(key));
    if (foreign !== undefined) {
      rows.close();
      return foreign;
    }
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
      const meta = metaAt(path);
      return foreignFault(options, (key) => meta.get(key)) ?? { fault: messageOf(error) };
    }
    throw error;
  }
}

type GetMeta = (key: string) => string | undefined;

/** From the store's own facts and the mark above its directory. */
export function claimOf(getMeta: GetMeta, markAbove: string | undefined): StoreClaim {
  const above = markAbove === undefined ? undefined : readHeadMark(markAbove);
  const cannotTell = above === undefined || isUnmarked(getMeta);
  const isMarked = cannotTell ? undefined : above.storeId === getMeta('storeId');
  return { instanceId: getMeta('instanceId'), isMarked };
}

/** One that was put in the place of another is not marked yet when whoever did that died. */
function isUnmarked(getMeta: GetMeta): boolean {
  return (getMeta(DAMAGE_KEY) ?? '') !== '';
}

function foreignFault(
  { strangeness, markAbove }: OpenStoreOptions,
  getMeta: GetMeta,
): { readonly fault: string; readonly isForeign: true } | undefined {
  const fault = strangeness?.(claimOf(getMeta, markAbove));
  return fault === undefined ? undefined : { fault, isForeign: true };
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
  // While a store is young all of it, its identity too, may be in the write-ahead log that is gone.
  if (mark.storeId !== rows.storeId && rows.head > 0) {
    return isUnmarked((key) => rows.getMeta(key))
      ? undefined
      : `the store that was here last was ${mark.storeId}, and this is ${rows.storeId}`;
  }
  if (mark.head <= rows.head) return undefined;
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
