/**
 * How far a sink has come, kept in the store itself: a store that is put back from a backup takes it along, and events
 * are sent twice rather than not at all.
 */
import type { EventLog } from '../log/event-log.ts';
import type { Clock } from '../ports.ts';

/** A write of it is a sync of the disk, in the turn of everybody: at most four a second of one sink. */
const WRITE_EVERY_MS = 250;

interface Kept {
  readonly storeId: string;
  readonly position: number;
}

type PlaceLog = Pick<EventLog, 'storeId' | 'head' | 'getMeta' | 'setMeta' | 'readAll' | 'oldest'>;

export class SinkPlace {
  readonly #log: PlaceLog;
  readonly #clock: Clock;
  readonly #key: string;
  #position: number;
  #written: number;
  #writtenAt = -Infinity;
  #cancel: (() => void) | undefined;

  /** `start` counts for a sink that was never here. Errors: those of the log. */
  constructor(log: PlaceLog, clock: Clock, name: string, start: 'now' | 'oldest') {
    this.#log = log;
    this.#clock = clock;
    this.#key = `sink/${name}`;
    const kept = this.#read();
    this.#position = kept === undefined ? (start === 'now' ? log.head : 0) : whereIn(log, kept);
    this.#written = kept?.storeId === log.storeId ? kept.position : -1;
    // Written at once: what comes from now on is meant, also after a death before the first of it was sent.
    this.write();
  }

  /** Everything up to it is at the receiver, or was not wanted. */
  get position(): number {
    return this.#position;
  }

  /** Only with what was acknowledged. It is written soon, or by `write`. */
  advance(position: number): void {
    this.#position = position;
    if (this.#cancel !== undefined) return;
    const dueAt = this.#writtenAt + WRITE_EVERY_MS;
    if (this.#clock.steady() >= dueAt) this.write();
    else this.#cancel = this.#clock.at(dueAt, () => this.#writeIfPossible());
  }

  /** Errors: those of `setMeta`. */
  write(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#position === this.#written) return;
    const kept: Kept = { storeId: this.#log.storeId, position: this.#position };
    this.#log.setMeta(this.#key, JSON.stringify(kept));
    this.#written = this.#position;
    this.#writtenAt = this.#clock.steady();
  }

  /** A log that cannot be written has told everybody by itself. */
  #writeIfPossible(): void {
    try {
      this.write();
    } catch {
      this.#cancel = undefined;
    }
  }

  #read(): Kept | undefined {
    try {
      const kept = JSON.parse(this.#log.getMeta(this.#key) ?? 'null') as Kept | null;
      return kept !== null && Number.isSafeInteger(kept.position) ? kept : undefined;
    } catch {
      return undefined;
    }
  }
}

/**
 * A store that was rebuilt holds the positions of the one before up to the event that says so, and gives those
 * behind it to others: whoever was further goes on there.
 */
function whereIn(log: PlaceLog, { storeId, position }: Kept): number {
  if (storeId === log.storeId) return Math.min(position, log.head);
  const damages = log.readAll(0, { types: ['StoreDamaged'], keptBelow: log.oldest });
  const own = damages.findLast(
    ({ data }) => (data as { previousStoreId?: unknown }).previousStoreId === storeId,
  );
  return own === undefined ? 0 : Math.min(position, own.position - 1);
}
