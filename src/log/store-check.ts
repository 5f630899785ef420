/** Is a store what was written? Everything about it is checked that can be checked without knowing what events mean. */
import { HoldfastError, messageOf } from '../errors.ts';
import type { StreamName } from '../events/envelope.ts';
import type { StoredRow } from './event-log.ts';
import type { KnownMarks } from './head-mark.ts';
import { DAMAGE_KEY } from './replace-store.ts';
import { checked } from './sqlite-row.ts';
import type { StoreFile } from './store-file.ts';
import { readNumbers } from './store-numbers.ts';
import { attempt, removedStreams, type StoredDiskRow } from './torn-store.ts';

export interface StoreFault {
  /** Null when it is not about one event. */
  readonly position: number | null;
  readonly stream: StreamName | null;
  readonly fault: string;
}

export interface CheckedRow {
  readonly row: StoredRow;
  /** Of the agent that wrote it. */
  readonly epoch: number;
}

/** `not kept`: of a file that no agent keeps. */
export type KnownMark = KnownMarks | 'not kept';

/** Complaints of SQLite that are worth reading; the rest repeat them. */
const MOST_STRUCTURAL = 10;

export class StoreCheck {
  readonly #file: StoreFile;
  readonly #compactedThrough: number;
  /** Version that each stream has come to, by its number. */
  readonly #versions = new Map<number, number>();
  /** Where the events of each stream lie, by its number. */
  readonly #positions = new Map<number, number[]>();

  constructor(file: StoreFile) {
    this.#file = file;
    this.#compactedThrough = Number(file.meta.get('compactedThrough') ?? 0);
    for (const { id, removed } of removedStreams(file.connection)) this.#versions.set(id, removed);
  }

  /**
   * Every row that is what was written; a fault in the place of every one that is not, and before one that does not
   * follow its predecessor. To be read once.
   */
  *rows(): Generator<CheckedRow | StoreFault> {
    let last = 0;
    for (const row of this.#file.rows()) {
      yield* this.#missing(last, row.position);
      last = Math.max(last, row.position);
      yield* this.#check(row);
    }
    yield* this.#missing(last, this.#file.highest + 1);
  }

  /** What is wrong with the file as a whole. After `rows`. */
  faults(mark: KnownMark): readonly StoreFault[] {
    const faults = [
      ...this.#structure(),
      ...this.#numbers(),
      ...this.#index(),
      ...this.#mark(mark),
    ];
    return faults.map((fault) => ({ position: null, stream: null, fault }));
  }

  *#check(row: StoredDiskRow): Generator<CheckedRow | StoreFault> {
    const { streams } = this.#file;
    const { position, version } = row;
    const expected = (this.#versions.get(row.stream) ?? 0) + 1;
    this.#versions.set(row.stream, expected);
    const positions = this.#positions.get(row.stream);
    if (positions === undefined) this.#positions.set(row.stream, [position]);
    else positions.push(position);
    const stream = attempt(() => streams?.name(row.stream)) ?? null;
    try {
      if (streams === undefined) throw new HoldfastError('STORE_CORRUPT', 'no stream has a name');
      const intact = checked(row, streams);
      if (version !== expected) {
        // Said once: what follows is measured against this one.
        this.#versions.set(row.stream, version);
        yield { position, stream, fault: `version ${version} where ${expected} should follow` };
      }
      yield { row: intact, epoch: row.epoch };
    } catch (error) {
      const { fault } = HoldfastError.from(error).details;
      yield { position, stream, fault: typeof fault === 'string' ? fault : messageOf(error) };
    }
  }

  /** Only what was compacted away may be missing. */
  *#missing(last: number, next: number): Generator<StoreFault> {
    const from = Math.max(last, this.#compactedThrough) + 1;
    if (next <= from) return;
    const text =
      next - from === 1 ? 'the event is missing' : `${next - from} events from here on are missing`;
    yield { position: from, stream: null, fault: text };
  }

  #structure(): readonly string[] {
    const { connection } = this.#file;
    try {
      const pragma = `integrity_check(${MOST_STRUCTURAL})`;
      const answers = connection.pragma(pragma) as { integrity_check: string }[];
      const texts = answers.map(({ integrity_check: text }) => text);
      return texts.filter((text) => text !== 'ok').map((text) => `SQLite: ${text}`);
    } catch (error) {
      return [`SQLite: ${messageOf(error)}`];
    }
  }

  #numbers(): readonly string[] {
    if (this.#isEmpty) return [];
    try {
      readNumbers(this.#file.connection);
      return [];
    } catch (error) {
      return [messageOf(error)];
    }
  }

  /** A store that a kill left half made has no tables yet. */
  get #isEmpty(): boolean {
    return this.#file.version === 0;
  }

  /** The index lags behind the events; as far as it has come it must say where they are. */
  #index(): readonly string[] {
    if (this.#isEmpty) return [];
    const settled = Number(this.#file.meta.get('indexedThrough') ?? 0);
    const indexed = attempt(() => this.#readIndex());
    if (indexed === undefined) return ['the index of the streams cannot be read'];
    const ids = new Set([...indexed.keys(), ...this.#positions.keys()]);
    return [...ids].flatMap((id) => {
      const told = indexed.get(id) ?? [];
      const found = (this.#positions.get(id) ?? []).filter((position) => position <= settled);
      if (told.length === found.length && told.every((each, at) => each === found[at])) return [];
      const name = attempt(() => this.#file.streams?.name(id)) ?? `number ${id}`;
      return [
        `the index of ${name} has ${told.length} events and does not fit the ${found.length} that are there`,
      ];
    });
  }

  #readIndex(): ReadonlyMap<number, readonly number[]> {
    const sql = 'SELECT stream, positions FROM stream_events ORDER BY stream, through';
    const rows = this.#file.connection.prepare(sql).all() as {
      readonly stream: number;
      readonly positions: string;
    }[];
    const indexed = new Map<number, number[]>();
    for (const { stream, positions } of rows) {
      const list = indexed.get(stream) ?? [];
      for (const position of JSON.parse(positions) as number[]) list.push(position);
      indexed.set(stream, list);
    }
    return indexed;
  }

  /** The mark may lag behind the log, and is never ahead of it, nor missing once there are events. */
  #mark(marks: KnownMark): readonly string[] {
    const { highest, meta } = this.#file;
    if (marks === 'not kept') return [];
    const { mark, overtaken } = marks;
    if (mark === undefined) {
      return highest > 0 ? ['nothing beside the store says how far the log had come'] : [];
    }
    if (overtaken !== undefined && overtaken.storeId === meta.get('storeId')) {
      return [`it is an older store than the one that was here last, which was ${mark.storeId}`];
    }
    if (mark.storeId !== meta.get('storeId') && highest > 0) {
      // Whoever put it in the place of another died before it was marked.
      if ((meta.get(DAMAGE_KEY) ?? '') !== '') return [];
      return [`the store that was here last was ${mark.storeId}`];
    }
    if (mark.head <= highest) return [];
    return [`the log ends at ${highest}, and had come to ${mark.head}`];
  }
}
