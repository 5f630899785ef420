/**
 * Snapshots in the table `snapshots`. Its column `data` holds `<position> <checksum> <state>`: the table is as the
 * first release made it, so that going back to that release needs no more than a full replay.
 */
import { crc32 } from 'node:zlib';
import { HoldfastError } from '../errors.ts';
import type { StreamName } from '../events/envelope.ts';
import { checksumOf } from './checksum.ts';
import type { SnapshotCache, Snapshots, StreamSnapshot } from './snapshot-cache.ts';
import { inTransaction, storeError, type Connection, type Prepared } from './sqlite.ts';
import type { StreamIds } from './stream-ids.ts';

/** Where `meta` says up to which position the snapshots cover every stream, under which chart, and a checksum. */
export const SNAPSHOTS_KEY = 'snapshots';

/** Rows that one read takes into memory. */
const PAGE_ROWS = 256;

type SnapshotColumns = readonly [stream: number, version: number, chart: string, data: string];

export interface SqliteSnapshotsDoors {
  readonly connection: Connection;
  readonly streams: StreamIds;
  /** Throws EPOCH_STALE when another agent took over. */
  readonly refuseStaleEpoch: () => void;
}

export class SqliteSnapshots implements SnapshotCache {
  readonly #doors: SqliteSnapshotsDoors;
  readonly #page: Prepared;
  readonly #one: Prepared;
  readonly #insert: Prepared;
  readonly #covered: Prepared;
  readonly #setCovered: Prepared;

  constructor(doors: SqliteSnapshotsDoors) {
    const { connection } = doors;
    this.#doors = doors;
    const select = 'SELECT stream, version, chart, data FROM snapshots';
    this.#page = connection.prepare(`${select} WHERE stream > ? ORDER BY stream LIMIT ?`).raw();
    this.#one = connection.prepare(`${select} WHERE stream = ?`).raw();
    this.#insert = connection.prepare('INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)');
    this.#covered = connection.prepare('SELECT value FROM meta WHERE key = ?').pluck();
    this.#setCovered = connection.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)');
  }

  read(chart: string): Snapshots | undefined {
    const covered = this.#guard(() => this.#covered.get(SNAPSHOTS_KEY));
    const through = typeof covered === 'string' ? Number.parseInt(covered, 10) : Number.NaN;
    if (covered !== reach(through, chart)) return undefined;
    const streams = this.#guard(() => this.#doors.streams.load());
    return { through, states: this.#states(chart), streams };
  }

  find(chart: string, stream: StreamName): StreamSnapshot | undefined {
    const id = this.#doors.streams.idOf(stream);
    const found = id === undefined ? undefined : this.#guard(() => this.#one.get(id));
    if (found === undefined) return undefined;
    const columns = found as SnapshotColumns;
    return columns[2] === chart ? this.#checked(columns, chart) : undefined;
  }

  save(chart: string, states: readonly StreamSnapshot[], through?: number): void {
    const { connection, refuseStaleEpoch } = this.#doors;
    this.#guard(() =>
      inTransaction(connection, () => {
        refuseStaleEpoch();
        for (const each of states) this.#saveOne(chart, each);
        // crash point: agent.snapshots.written
        if (through !== undefined) this.#setCovered.run(SNAPSHOTS_KEY, reach(through, chart));
      }),
    );
  }

  drop(): void {
    const { connection, refuseStaleEpoch } = this.#doors;
    this.#guard(() =>
      inTransaction(connection, () => {
        refuseStaleEpoch();
        connection.exec('DELETE FROM snapshots');
        connection.prepare('DELETE FROM meta WHERE key = ?').run(SNAPSHOTS_KEY);
      }),
    );
  }

  #saveOne(chart: string, { stream, version, position, state }: StreamSnapshot): void {
    const { streams } = this.#doors;
    const id = streams.idOf(stream);
    if (id === undefined || version <= streams.baseOf(id)) return;
    const crc = checksum(streams.seed(id), { version, position, chart, state });
    this.#insert.run(id, version, chart, `${position} ${crc} ${state}`);
  }

  *#states(chart: string): Generator<StreamSnapshot> {
    for (let last = 0; ;) {
      const page = this.#guard(() => this.#page.all(last, PAGE_ROWS) as SnapshotColumns[]);
      for (const columns of page) yield this.#checked(columns, chart);
      const end = page.at(-1);
      if (end === undefined) return;
      last = end[0];
    }
  }

  #checked([id, version, savedAs, data]: SnapshotColumns, chart: string): StreamSnapshot {
    const { streams } = this.#doors;
    const stream = streams.name(id);
    const [position, crc] = data.split(' ', 2).map(Number) as [number, number];
    const state = data.slice(`${position} ${crc} `.length);
    const isIntact = checksum(streams.seed(id), { version, position, chart, state }) === crc;
    if (savedAs === chart && isIntact) return { stream, version, position, state };
    throw new HoldfastError('EVENT_MALFORMED', `the snapshot of ${stream} is not what was saved`);
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeError(error, 'snapshots');
    }
  }
}

function reach(through: number, chart: string): string {
  const text = `${through} ${chart}`;
  return `${text} ${crc32(text)}`;
}

interface Covered {
  readonly version: number;
  readonly position: number;
  readonly chart: string;
  readonly state: string;
}

/** That of an event, with the chart in the place of its type and the position in that of its time. */
function checksum(seed: number | undefined, { version, position, chart, state }: Covered): number {
  const columns = { version, type: chart, schema: 0, run: 0, at: position, data: state };
  return checksumOf(seed ?? 0, columns);
}
