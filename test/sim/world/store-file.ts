/**
 * The store of the simulated machine: rows that are durable when a write returns, as `synchronous=FULL` promises. It
 * outlives agents and power cuts, and refuses an agent that a newer one has replaced.
 */
import { HoldfastError } from '../../../src/errors.ts';
import type { StreamName } from '../../../src/events/envelope.ts';
import type { StoredRow } from '../../../src/log/event-log.ts';
import type { Removed, RowPage, RowStore } from '../../../src/log/row-store.ts';
import type { World } from './world.ts';

export interface StoreWatcher {
  /** Rows have become durable, written by the agent of this epoch. */
  onWritten(rows: readonly StoredRow[], epoch: number): void;
  /** Streams have been removed. */
  onRemoved(streams: readonly StreamName[]): void;
}

export class StoreFile {
  readonly storeId: string;
  rows: StoredRow[] = [];
  readonly meta = new Map<string, string>();
  readonly removedAt = new Map<StreamName, number>();
  compactedThrough = 0;
  head = 0;
  watcher: StoreWatcher | undefined;
  readonly world: World;

  constructor(world: World) {
    this.world = world;
    this.storeId = world.identities.hex(16);
  }

  get epoch(): number {
    return Number(this.meta.get('agentEpoch') ?? 0);
  }
}

/** What one agent has open of it. */
export class StoreHandle implements RowStore {
  readonly storeId: string;
  readonly head: number;
  readonly compactedThrough: number;
  readonly #file: StoreFile;
  #epoch: number;

  constructor(file: StoreFile) {
    this.#file = file;
    this.storeId = file.storeId;
    this.head = file.head;
    this.compactedThrough = file.compactedThrough;
    this.#epoch = file.epoch;
  }

  write(rows: readonly StoredRow[]): void {
    this.#change('append', () => this.#append(rows));
  }

  #append(rows: readonly StoredRow[]): void {
    const file = this.#file;
    file.rows.push(...rows);
    for (const { position, stream, type, run, data } of rows) {
      file.world.note(`appends ${position} ${stream} ${type} ${run} ${data}`);
    }
    file.head = Math.max(file.head, rows.at(-1)?.position ?? 0);
    file.watcher?.onWritten(rows, this.#epoch);
  }

  remove(
    streams: readonly StreamName[],
    summary: (removed: Removed) => readonly StoredRow[],
  ): void {
    this.#change('remove', () => {
      const file = this.#file;
      const doomed = new Set(streams);
      const gone = file.rows.filter((row) => doomed.has(row.stream));
      file.compactedThrough = Math.max(file.compactedThrough, gone.at(-1)?.position ?? 0);
      for (const stream of doomed) file.removedAt.set(stream, this.versionOf(stream));
      file.rows = file.rows.filter((row) => !doomed.has(row.stream));
      file.watcher?.onRemoved(streams);
      this.#append(summary({ events: gone.length, through: file.compactedThrough }));
    });
  }

  /** One transaction: all of it or nothing, and durable when it returns. */
  #change(what: string, work: () => void): void {
    const { world, epoch } = this.#file;
    world.interrupt(`before ${what}`);
    if (epoch !== this.#epoch) {
      const text = `agent ${epoch} took over from agent ${this.#epoch}`;
      throw new HoldfastError('EPOCH_STALE', text, { details: { epoch } });
    }
    const { disk, faults } = world;
    if (disk.isFull && disk.spareWrites <= 0) throw new Error('SQLITE_FULL');
    disk.spareWrites -= 1;
    if (faults.strike('appendFails', what)) throw new Error('SQLITE_IOERR_WRITE');
    work();
    disk.commit();
    if (faults.strike('appendLies', what)) throw new Error('SQLITE_IOERR_FSYNC');
    world.interrupt(`after ${what}`);
  }

  versionOf(stream: StreamName): number {
    const last = this.#file.rows.findLast((row) => row.stream === stream);
    return last?.version ?? this.#file.removedAt.get(stream) ?? 0;
  }

  streamRows(stream: StreamName, afterVersion: number): readonly StoredRow[] {
    return this.#file.rows.filter((row) => row.stream === stream && row.version > afterVersion);
  }

  page(after: number, limit: number): RowPage {
    const rest = this.#file.rows.filter((row) => row.position > after);
    const rows = rest.slice(0, limit);
    return { rows, next: rest.length > limit ? rows.at(-1)?.position : undefined };
  }

  *rows(after: number): Generator<StoredRow> {
    yield* this.#file.rows.filter((row) => row.position > after);
  }

  getMeta(key: string): string | undefined {
    return this.#file.meta.get(key);
  }

  setMeta(key: string, value: string): void {
    this.#change(`meta ${key}`, () => this.#file.meta.set(key, value));
    if (key === 'agentEpoch') this.#epoch = Number(value);
  }

  close(): void {}
}
