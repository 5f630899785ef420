/**
 * The numbers that a store keeps about itself, held against its rows when it is opened. They bear no checksum, and a
 * wrong one is worse than a lost event: with a wrong end of the index, versions would be given twice.
 */
import { HoldfastError } from '../errors.ts';
import type { Connection } from './sqlite.ts';
import { META } from './store-connection.ts';
import { SETTLED_KEY } from './stream-index.ts';

export interface StoreNumbers {
  /** The highest position that was ever given. */
  readonly head: number;
  /** The highest position that was compacted away, 0 when none was. */
  readonly compactedThrough: number;
  /** Of the agent that may write. */
  readonly epoch: number;
}

/** Looks at a few rows. Errors: STORE_CORRUPT for a number that cannot be, and what the driver throws. */
export function readNumbers(connection: Connection): StoreNumbers {
  const head = highestPosition(connection);
  const numberOf = numbersIn(connection);
  const epoch = numberOf(META.epoch, Number.MAX_SAFE_INTEGER);
  const compactedThrough = numberOf(META.compactedThrough, head);
  numberOf(META.compactedEvents, head);
  const settled = numberOf(SETTLED_KEY, head);
  if (settled > compactedThrough || isThere(connection, settled)) {
    refuseWrongEnd(connection, settled);
  }
  return { head, compactedThrough, epoch };
}

/** The position of the newest row is the highest that was ever given: a compaction ends with a row of its own. */
function highestPosition(connection: Connection): number {
  const ask = (sql: string) => Number(connection.prepare(sql).pluck().get() ?? 0);
  const inTable = ask('SELECT max(position) FROM events');
  const everGiven = ask(`SELECT seq FROM sqlite_sequence WHERE name = 'events'`);
  if (inTable === everGiven) return inTable;
  throw corrupt(`positions up to ${everGiven} were given, and the last event is at ${inTable}`);
}

function numbersIn(connection: Connection): (key: string, most: number) => number {
  const get = connection.prepare('SELECT value FROM meta WHERE key = ?').pluck();
  return (key, most) => {
    const value = get.get(key) ?? '0';
    const number = Number(value);
    if (Number.isSafeInteger(number) && number >= 0 && number <= most) return number;
    throw corrupt(`${key} is ${JSON.stringify(value)}`);
  };
}

function isThere(connection: Connection, position: number): boolean {
  return connection.prepare('SELECT 1 FROM events WHERE position = ?').get(position) !== undefined;
}

/** The last event that was moved into the index ends the last row of its stream there. */
function refuseWrongEnd(connection: Connection, settled: number): void {
  if (settled === 0) return;
  const found = connection
    .prepare(
      `SELECT 1 FROM events JOIN stream_events USING (stream)
       WHERE position = ? AND through = position AND last = version`,
    )
    .get(settled);
  if (found === undefined) throw corrupt(`no part of the index ends at position ${settled}`);
}

function corrupt(fault: string): HoldfastError {
  return new HoldfastError('STORE_CORRUPT', `what the store says of itself is wrong: ${fault}`);
}
