/** Reading rows from an SQLite file: by pages, every row checked, no cursor held between two calls. */
import { HoldfastError } from '../errors.ts';
import type { StreamName } from '../events/envelope.ts';
import type { StoredRow } from './event-log.ts';
import type { RowPage } from './row-store.ts';
import {
  checked,
  checkedColumns,
  missing,
  ROW_COLUMNS,
  type DiskRow,
  type RowColumns,
} from './sqlite-row.ts';
import { storeError, type Connection, type Prepared } from './sqlite.ts';
import type { StreamIds } from './stream-ids.ts';
import type { StreamIndex } from './stream-index.ts';

/** Rows that one read takes into memory: the fastest size measured, and some 0.2 MB. */
const PAGE_ROWS = 512;
/** Up to so many streams are looked up by their index; for more, the log is scanned and sifted. */
const SELECTIVE_STREAMS = 256;

export class SqliteReader {
  readonly #streams: StreamIds;
  readonly #index: StreamIndex;
  readonly #page: Prepared;
  /** The same page as bare columns: an object a row less, in a replay of a million. */
  readonly #columns: Prepared;
  readonly #atPositions: Prepared;

  constructor(connection: Connection, streams: StreamIds, index: StreamIndex) {
    this.#streams = streams;
    this.#index = index;
    const select = `SELECT ${ROW_COLUMNS} FROM events`;
    this.#page = connection.prepare(`${select} WHERE position > ? ORDER BY position LIMIT ?`);
    this.#columns = connection
      .prepare(`${select} WHERE position > ? ORDER BY position LIMIT ${PAGE_ROWS}`)
      .raw();
    this.#atPositions = connection.prepare(
      `${select} WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position`,
    );
  }

  versionOf(stream: StreamName): number {
    const id = this.#streams.idOf(stream);
    if (id === undefined) return 0;
    return this.#index.versionOf(id) ?? this.#streams.baseOf(id);
  }

  streamRows(stream: StreamName, afterVersion: number): readonly StoredRow[] {
    const id = this.#streams.idOf(stream);
    if (id === undefined) return [];
    const positions = this.#index.positions(id, afterVersion);
    const rows: StoredRow[] = [];
    let version = Math.max(afterVersion, this.#streams.baseOf(id));
    for (let start = 0; start < positions.length; start += PAGE_ROWS) {
      for (const row of this.#at(positions.slice(start, start + PAGE_ROWS))) {
        version += 1;
        rows.push(checked(row, this.#streams, version));
      }
    }
    return rows;
  }

  page(after: number, limit: number, prefixes: readonly string[]): RowPage {
    const ids =
      prefixes.length === 0 ? undefined : this.#streams.beginningWith(prefixes, SELECTIVE_STREAMS);
    const found =
      ids === undefined
        ? (this.#page.all(after, limit) as DiskRow[])
        : this.#at(this.#index.positionsOfStreams(ids, after, limit));
    return {
      rows: found.map((row) => checked(row, this.#streams)),
      next: found.length < limit ? undefined : found.at(-1)?.position,
    };
  }

  /** `compactedThrough` says up to which position there may be holes, now. */
  *rows(after: number, compactedThrough: () => number): Generator<StoredRow> {
    const versions: (number | undefined)[] = [];
    const isWhole = after === 0;
    for (let position = after; ;) {
      const page = this.#nextRows(position, versions, isWhole, compactedThrough());
      for (const row of page) yield row;
      const end = page.at(-1);
      if (end === undefined) {
        if (isWhole) this.#refuseWrongIndex(versions);
        return;
      }
      position = end.position;
    }
  }

  /** Appends go by the index, so it must know what was just read: a version too low would be given twice. */
  #refuseWrongIndex(versions: readonly (number | undefined)[]): void {
    const ends = this.#indexedVersions();
    for (const [id, version] of versions.entries()) {
      // A stream that was compacted away while the log was read has none.
      if (version === undefined || this.#streams.baseOf(id) >= version) continue;
      const indexed = ends.get(id) ?? 0;
      if (indexed === version) continue;
      const text = `the index has ${this.#streams.name(id)} at version ${indexed}, and its events end at ${version}`;
      throw new HoldfastError('STORE_CORRUPT', text);
    }
  }

  #indexedVersions(): ReadonlyMap<number, number | null> {
    try {
      return this.#index.lastVersions();
    } catch (error) {
      throw storeError(error, 'read the index of the streams');
    }
  }

  #at(positions: readonly number[]): readonly DiskRow[] {
    return this.#atPositions.all(JSON.stringify(positions)) as DiskRow[];
  }

  /** The next page, checked; `versions` has the last version of each stream that was seen so far. */
  #nextRows(
    after: number,
    versions: (number | undefined)[],
    isWhole: boolean,
    compactedThrough: number,
  ): readonly StoredRow[] {
    try {
      const streams = this.#streams;
      if (isWhole && versions.length === 0) streams.load();
      const rows: StoredRow[] = [];
      let last = after;
      for (const columns of this.#columns.all(after) as RowColumns[]) {
        const { 0: position, 1: stream, 2: version } = columns;
        if (position > Math.max(last, compactedThrough) + 1) throw missing(last, position);
        last = position;
        // From the beginning, the first row of a stream must be its first version; from anywhere else, any.
        const first = isWhole ? streams.baseOf(stream) + 1 : version;
        const before = versions[stream];
        versions[stream] = version;
        rows.push(checkedColumns(columns, streams, before === undefined ? first : before + 1));
      }
      return rows;
    } catch (error) {
      throw storeError(error, `read after position ${after}`);
    }
  }
}
