/**
 * The newest events of a log, in memory: hundreds of subscribers that follow the head read these, so that an event is
 * decoded once and the disk is not asked at all. Decoded from what was stored, never the writer's own object, and
 * frozen, because every reader gets the same one.
 */
import type { Recorded } from '../events/envelope.ts';
import type { StoredRow } from './event-log.ts';

/** Bounds of what is kept, whichever is reached first. */
const MOST_EVENTS = 1_024;
const MOST_CHARACTERS = 4 * 1024 * 1024;

interface Kept {
  readonly row: StoredRow;
  event: Recorded | undefined;
}

export class RecentEvents {
  readonly #decode: (row: StoredRow) => Recorded;
  #kept: Kept[] = [];
  /** Index in `#kept` of the oldest that is still valid; the ones before it are cut off now and then. */
  #start = 0;
  #characters = 0;

  constructor(decode: (row: StoredRow) => Recorded) {
    this.#decode = decode;
  }

  add(rows: readonly StoredRow[]): void {
    for (const row of rows) {
      this.#kept.push({ row, event: undefined });
      this.#characters += row.data.length;
    }
    while (this.#kept.length - this.#start > MOST_EVENTS || this.#characters > MOST_CHARACTERS) {
      this.#characters -= this.#kept[this.#start]?.row.data.length ?? 0;
      this.#start += 1;
    }
    if (this.#start < MOST_EVENTS) return;
    this.#kept = this.#kept.slice(this.#start);
    this.#start = 0;
  }

  clear(): void {
    this.#kept = [];
    this.#start = 0;
    this.#characters = 0;
  }

  /**
   * At most `limit` events after a position that `fits` accepts, and the last position that was looked at. Undefined
   * when the position after `after` is not kept.
   */
  read(
    after: number,
    limit: number,
    fits: (row: StoredRow) => boolean,
  ): { readonly events: readonly Recorded[]; readonly next: number } | undefined {
    const oldest = this.#kept[this.#start]?.row.position;
    if (oldest === undefined || after < oldest - 1) return undefined;
    const events: Recorded[] = [];
    let next = after;
    // Positions follow one another without a hole, so the place of one tells the place of all.
    let index = this.#start + (after - oldest + 1);
    for (; index < this.#kept.length && events.length < limit; index += 1) {
      const kept = this.#kept[index] as Kept;
      next = kept.row.position;
      if (!fits(kept.row)) continue;
      kept.event ??= frozen(this.#decode(kept.row));
      events.push(kept.event);
    }
    return { events, next };
  }
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const key of Object.keys(value)) frozen((value as Record<string, unknown>)[key]);
  return Object.freeze(value);
}
