/** One row as it lies on the disk, and the check that it is still what was written. */
import { HoldfastError } from '../errors.ts';
import { checksumOf } from './checksum.ts';
import type { StoredRow } from './event-log.ts';
import type { StreamIds } from './stream-ids.ts';

export const ROW_COLUMNS = 'position, stream, version, type, schema, run, at, data, crc';

export interface DiskRow {
  readonly position: number;
  /** Number of the stream in the table `streams`. */
  readonly stream: number;
  readonly version: number;
  readonly type: string;
  readonly schema: number;
  readonly run: number;
  readonly at: number;
  readonly data: string;
  readonly crc: number;
}

/** The same in the order of ROW_COLUMNS. */
export type RowColumns = readonly [
  position: number,
  stream: number,
  version: number,
  type: string,
  schema: number,
  run: number,
  at: number,
  data: string,
  crc: number,
];

/**
 * The row with its stream's name. A damaged page can put any value into any column. Errors: EVENT_MALFORMED with
 * `details.isDamage` when the checksum is wrong or the version is not the one that follows in its stream.
 */
export function checkedColumns(
  columns: RowColumns,
  streams: StreamIds,
  expectedVersion: number,
): StoredRow {
  // By number: a list that is taken apart as `[position, id, …]` is iterated, which a replay of a million feels.
  const { 0: position, 1: id, 2: version, 3: type, 4: schema } = columns;
  const { 5: run, 6: at, 7: data, 8: crc } = columns;
  if (typeof data !== 'string' || typeof type !== 'string') {
    throw damaged(position, 'a column is missing');
  }
  const seed = streams.seed(id);
  if (seed === undefined) throw damaged(position, `stream number ${id} has no name`);
  const row = { position, stream: streams.name(id), version, type, schema, run, at, data };
  if (checksumOf(seed, row) !== crc) throw damaged(position, 'the checksum is wrong');
  if (version !== expectedVersion) {
    throw damaged(position, `version ${version} where ${expectedVersion} should follow`);
  }
  return row;
}

/** The same for a row that came as an object. */
export function checked(
  row: DiskRow,
  streams: StreamIds,
  expectedVersion = row.version,
): StoredRow {
  const { position, stream, version, type, schema, run, at, data, crc } = row;
  const columns = [position, stream, version, type, schema, run, at, data, crc] as const;
  return checkedColumns(columns, streams, expectedVersion);
}

/** True for what `checked` throws, and for `missing`: a damaged store, not merely an event this code cannot read. */
export function isRowDamage(error: unknown): boolean {
  return HoldfastError.is(error, 'EVENT_MALFORMED') && error.details['isDamage'] === true;
}

/** The error for positions that were given and are not there. */
export function missing(last: number, next: number): HoldfastError {
  return damaged(next, `follows position ${last}, and what was between them is missing`);
}

function damaged(position: number, fault: string): HoldfastError {
  return new HoldfastError('EVENT_MALFORMED', `event at position ${position}: ${fault}`, {
    details: { position, fault, isDamage: true },
  });
}
