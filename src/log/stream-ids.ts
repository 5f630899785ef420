/**
 * The names of the streams by the numbers that stand for them in every row. Kept in memory once seen: a name costs
 * about 100 bytes, and looking it up on the disk for every row of a replay would cost more than reading the row.
 */
import { HoldfastError } from '../errors.ts';
import type { StreamName } from '../events/envelope.ts';
import { seedOf } from './checksum.ts';
import type { Connection, Prepared } from './sqlite.ts';

interface StreamRow {
  readonly id: number;
  readonly name: StreamName;
  readonly removed: number | null;
}

export class StreamIds {
  readonly #connection: Connection;
  readonly #byName: Prepared;
  readonly #byId: Prepared;
  readonly #insert: Prepared;
  readonly #ids = new Map<StreamName, number>();
  readonly #names: (StreamName | undefined)[] = [];
  readonly #seeds: (number | undefined)[] = [];
  /** Version at which a stream's events were removed, by its number. */
  readonly #bases = new Map<number, number>();

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#byName = connection.prepare('SELECT id, name, removed FROM streams WHERE name = ?');
    this.#byId = connection.prepare('SELECT id, name, removed FROM streams WHERE id = ?');
    this.#insert = connection.prepare('INSERT INTO streams (name) VALUES (?)');
  }

  /** Reads all names at once, before a replay; gives those of the streams whose events are kept. */
  load(): readonly StreamName[] {
    const sql = 'SELECT id, name, removed FROM streams ORDER BY id';
    const rows = this.#connection.prepare(sql).all() as StreamRow[];
    for (const row of rows) this.#learn(row);
    return rows.filter(({ removed }) => removed === null).map(({ name }) => name);
  }

  /** The stream's number, or undefined when nothing was ever written to it. */
  idOf(stream: StreamName): number | undefined {
    const known = this.#ids.get(stream);
    if (known !== undefined) return known;
    const row = this.#byName.get(stream) as StreamRow | undefined;
    return row === undefined ? undefined : this.#learn(row);
  }

  /** The stream's number, made if needed: inside the transaction of its first event. */
  idFor(stream: StreamName): number {
    const known = this.idOf(stream);
    if (known !== undefined) return known;
    const id = Number(this.#insert.run(stream).lastInsertRowid);
    return this.#learn({ id, name: stream, removed: null });
  }

  name(id: number): StreamName {
    if (this.seed(id) === undefined) {
      throw new HoldfastError('STORE_CORRUPT', `stream number ${id} has no name`);
    }
    return this.#names[id] as StreamName;
  }

  /** See `seedOf`; undefined for a number that stands for no stream. */
  seed(id: number): number | undefined {
    const known = this.#seeds[id];
    if (known !== undefined) return known;
    const row = this.#byId.get(id) as StreamRow | undefined;
    if (row !== undefined) this.#learn(row);
    return this.#seeds[id];
  }

  /** The version before the stream's first kept event: 0, or the one its events were removed at. */
  baseOf(id: number): number {
    return this.#bases.get(id) ?? 0;
  }

  /** Numbers of the streams that begin with one of these names; undefined when there are more than `limit`. */
  beginningWith(prefixes: readonly string[], limit: number): readonly number[] | undefined {
    const ids = new Set<number>();
    const find = this.#connection
      .prepare('SELECT id FROM streams WHERE name >= ? AND name < ? LIMIT ?')
      .pluck();
    for (const prefix of prefixes) {
      const end = `${prefix}\u{10ffff}`;
      for (const id of find.all(prefix, end, limit + 1) as number[]) ids.add(id);
      if (ids.size > limit) return undefined;
    }
    return [...ids];
  }

  /** Notes that the stream's events are gone, and keeps its name and version so that it is never used again. */
  setRemoved(id: number, version: number): void {
    this.#connection.prepare('UPDATE streams SET removed = ? WHERE id = ?').run(version, id);
    this.#bases.set(id, version);
  }

  #learn(row: StreamRow): number {
    this.#ids.set(row.name, row.id);
    this.#names[row.id] = row.name;
    this.#seeds[row.id] = seedOf(row.name);
    if (row.removed !== null) this.#bases.set(row.id, row.removed);
    return row.id;
  }
}
