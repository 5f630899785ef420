/** Events of the log, chosen and written out for one sink, some at a time. */
import { cloudEvent } from '../projections/cloud-event.ts';
import { publicEvent } from '../projections/public-event.ts';
import { nameMatcher } from '../spec/name-globs.ts';
import type { PublicEvent } from '../api.ts';
import type { EventLog } from '../log/event-log.ts';
import type { SinkConfig } from '../spec/sink-schema.ts';
import type { WrittenEvent } from './sink.ts';

/** In memory for one sink at most; an event has 64 KiB at most, and nearly always less than one. */
const PAGE_EVENTS = 64;
/** Of texts that are sent together, unless one alone has more. */
const MOST_BYTES = 256 * 1024;

export interface Batch {
  readonly events: readonly WrittenEvent[];
  /** Up to here nothing else is wanted. */
  readonly through: number;
}

export interface BatchDoors {
  readonly log: Pick<EventLog, 'readPage' | 'oldest'>;
  readonly instanceId: string;
  readonly nameOf: (allocId: string) => string | null;
}

type Choice = Pick<SinkConfig, 'types' | 'allocs' | 'form' | 'batchEvents'>;

/** Reads on behind a position. Errors: those of `readPage`. */
export class Batches {
  readonly #doors: BatchDoors;
  readonly #choice: Choice;
  readonly #isOfAlloc: ((name: string) => boolean) | undefined;

  constructor(doors: BatchDoors, choice: Choice) {
    this.#doors = doors;
    this.#choice = choice;
    this.#isOfAlloc = choice.allocs && nameMatcher(choice.allocs);
  }

  /** Of one page: no events when none of it is wanted. `most` may be less than what was configured. */
  after(position: number, most: number): Batch {
    const { log } = this.#doors;
    const { types, batchEvents } = this.#choice;
    const page = log.readPage(position, {
      limit: PAGE_EVENTS,
      ...(types === undefined ? {} : { types }),
      // From the oldest on means from the oldest that is kept.
      ...(position === 0 ? { keptBelow: log.oldest } : {}),
    });
    const events: WrittenEvent[] = [];
    let bytes = 0;
    for (const recorded of page.events) {
      const event = publicEvent(recorded, this.#doors.nameOf);
      if (!this.#isWanted(event)) continue;
      const text = this.#write(event);
      const isFull = events.length >= Math.min(most, batchEvents);
      if (isFull || (events.length > 0 && bytes + text.length > MOST_BYTES)) {
        return { events, through: event.position - 1 };
      }
      bytes += text.length;
      events.push({ position: event.position, event, text });
    }
    return { events, through: page.next };
  }

  #isWanted({ alloc }: PublicEvent): boolean {
    if (this.#isOfAlloc === undefined) return true;
    return alloc !== null && this.#isOfAlloc(alloc);
  }

  #write(event: PublicEvent): string {
    const isNative = this.#choice.form === 'native';
    return JSON.stringify(isNative ? event : cloudEvent(event, this.#doors.instanceId));
  }
}
