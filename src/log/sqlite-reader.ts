/** Reading rows from an SQLite file: by pages, every row checked, no cursor held between two calls. */
import type { StreamName } from '../events/envelope.ts';
import type { StoredRow } from './event-log.ts';
import type { RowPage } from './row-store.ts';
import { checked, ROW_COLUMNS, type DiskRow } from './sqlite-row.ts';
import { storeError, type Connection, type Prepared } from './sqlite.ts';
import type { StreamIds } from './stream-ids.ts';

/** Rows that one read takes into memory: the fastest size measured, and some 0.2 MB. */
const PAGE_ROWS = 512;
/** Up to so many streams are looked up by their index; for more, the log is scanned and sifted. */
const SELECTIVE_STREAMS = 256;

export class SqliteReader {
  readonly #streams: StreamIds;
  readonly #page: Prepared;
  readonly #pageOfStreams: Prepared;
  readonly #streamRows: Prepared;
  readonly #lastVersion: Prepared;

  constructor(connection: Connection, streams: StreamIds) {
    this.#streams = streams;
    const select = `SELECT ${ROW_COLUMNS} FROM events`;
    this.#page = connection.prepare(`${select} WHERE position > ? ORDER BY position LIMIT ?`);
    this.#pageOfStreams = connection.prepare(
      `${select} WHERE position IN (
         SELECT position FROM events
         WHERE stream IN (SELECT value FROM json_each(?)) AND position > ?
         ORDER BY position LIMIT ?
       ) ORDER BY position`,
    );
    this.#streamRows = connection.prepare(
      `${select} WHERE stream = ? AND version > ? ORDER BY version LIMIT ?`,
    );
    this.#lastVersion = connection
      .prepare('SELECT max(version) FROM events WHERE stream = ?')
      .pluck();
  }

  versionOf(stream: StreamName): number {
    const id = this.#streams.idOf(stream);
    if (id === undefined) return 0;
    return (this.#lastVersion.get(id) as number | null) ?? this.#streams.baseOf(id);
  }

  streamRows(stream: StreamName, afterVersion: number): readonly StoredRow[] {
    const id = this.#streams.idOf(stream);
    if (id === undefined) return [];
    const rows: StoredRow[] = [];
    let version = Math.max(afterVersion, this.#streams.baseOf(id));
    for (;;) {
      const page = this.#streamRows.all(id, version, PAGE_ROWS) as DiskRow[];
      for (const row of page) {
        version += 1;
        rows.push(checked(row, this.#streams, version));
      }
      if (page.length < PAGE_ROWS) return rows;
    }
  }

  page(after: number, limit: number, prefixes: readonly string[]): RowPage {
    const ids =
      prefixes.length === 0 ? undefined : this.#streams.beginningWith(prefixes, SELECTIVE_STREAMS);
    const found = (
      ids === undefined
        ? this.#page.all(after, limit)
        : this.#pageOfStreams.all(JSON.stringify(ids), after, limit)
    ) as DiskRow[];
    return {
      rows: found.map((row) => checked(row, this.#streams)),
      next: found.length < limit ? undefined : found.at(-1)?.position,
    };
  }

  *rows(after: number): Generator<StoredRow> {
    this.#streams.load();
    const versions: (number | undefined)[] = [];
    let position = after;
    for (;;) {
      const page = this.#nextRows(position);
      for (const row of page) {
        // From the beginning, the first row of a stream must be its first version; from anywhere else, any.
        const first = after === 0 ? this.#streams.baseOf(row.stream) + 1 : row.version;
        const last = versions[row.stream];
        versions[row.stream] = row.version;
        yield checked(row, this.#streams, last === undefined ? first : last + 1);
      }
      const end = page.at(-1);
      if (end === undefined) return;
      position = end.position;
    }
  }

  #nextRows(after: number): readonly DiskRow[] {
    try {
      return this.#page.all(after, PAGE_ROWS) as DiskRow[];
    } catch (error) {
      throw storeError(error, `read after position ${after}`);
    }
  }
}
