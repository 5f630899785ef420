/** The forms in which events are sent. Each event is written out once for all who read the same form. */
import { cloudEvent, sourceOf } from '../projections/cloud-event.ts';
import { sentError } from './answer.ts';
import type { PublicEvent } from '../api.ts';

export interface Place {
  readonly storeId: string;
  /** Everything up to it was sent, as far as it was asked for. */
  readonly position: number;
}

export interface EventForm {
  readonly type: string;
  readonly encode: (event: PublicEvent) => string;
  /** Where the reader goes on, when nothing came for a while. */
  bookmark(place: Place): string;
  /** Last word of a stream that failed. */
  failed(error: unknown, place: Place): string;
  readonly greeting?: string;
}

export const EVENT_TYPES = [
  'application/x-ndjson',
  'text/event-stream',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
] as const;

export const eventStream: EventForm = {
  type: 'text/event-stream',
  // So long a browser waits before it comes again, in milliseconds.
  greeting: 'retry: 1000\n\n',
  encode: (event) => block(idOf(event), event.type, JSON.stringify(event)),
  bookmark: (place) => block(idOf(place), 'bookmark', JSON.stringify(place)),
  failed: (error, place) => block(idOf(place), 'error', JSON.stringify(sentError(error))),
};

export const eventLines: EventForm = {
  type: 'application/x-ndjson',
  encode: (event) => `${JSON.stringify(event)}\n`,
  bookmark: (place) => `${JSON.stringify({ type: 'bookmark', ...place })}\n`,
  failed: (error) => `${JSON.stringify({ type: 'error', ...sentError(error) })}\n`,
};

export function cloudEventLines(instanceId: string): EventForm {
  const own = (type: string, { storeId, position }: Place, more: object): string => {
    const source = sourceOf(instanceId, storeId);
    const id = `${storeId}/${position}/${type}`;
    const sequence = String(position).padStart(20, '0');
    const event = { specversion: '1.0', id, source, type: `holdfast.stream.${type}`, sequence };
    return `${JSON.stringify({ ...event, ...more })}\n`;
  };
  return {
    type: 'application/cloudevents+json',
    encode: (event) => `${JSON.stringify(cloudEvent(event, instanceId))}\n`,
    bookmark: (place) => own('bookmark', place, {}),
    failed: (error, place) => own('error', place, { data: sentError(error) }),
  };
}

/** One JSON array, so it has an end, and no place for anything else: who fails breaks off. */
export function cloudEventBatch(instanceId: string): EventForm {
  return {
    type: 'application/cloudevents-batch+json',
    encode: (event) => JSON.stringify(cloudEvent(event, instanceId)),
    bookmark: () => '',
    failed: () => '',
  };
}

const KEPT = 1_024;
/** Longer ones are written out for each: together they would be too much to keep. */
const LONGEST = 4_096;

/** The newest texts of one form. Positions are never used again, so that none is ever wrong. */
export class KnownTexts {
  readonly #kept: ({ readonly event: number; readonly text: string } | undefined)[] = [];

  of(event: PublicEvent, encode: (event: PublicEvent) => string): string {
    const at = event.position % KEPT;
    const known = this.#kept[at];
    if (known?.event === event.position) return known.text;
    const text = encode(event);
    if (text.length <= LONGEST) this.#kept[at] = { event: event.position, text };
    return text;
  }
}

function idOf({ storeId, position }: Place): string {
  return `${storeId}:${position}`;
}

function block(id: string, type: string, text: string): string {
  return `id: ${id}\nevent: ${type}\ndata: ${text}\n\n`;
}
