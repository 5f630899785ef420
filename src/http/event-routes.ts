/** The one stream of events, in the forms that subscribers know. */
import { HoldfastError } from '../errors.ts';
import {
  isWanted,
  nomadStreamEvent,
  type NomadStreamEvent,
  type TopicFilter,
} from '../projections/nomad-stream.ts';
import { inBatches } from '../server/batches.ts';
import { sentError } from './answer.ts';
import * as forms from './event-forms.ts';
import { preferred } from './preferred.ts';
import { route, type Answer, type Call, type Route } from './route.ts';
import type { EventQuery, Orchestrator, PublicEvent } from '../api.ts';

const MOST_EVENTS = 256;
/** Characters; with the buffer of the connection it bounds what a stopped reader costs. */
const MOST_TEXT = 32 * 1024;

const QUERY = {
  after: {
    type: 'text',
    about: 'the last position that was seen, STORE:POSITION, or now; Last-Event-ID goes before it',
  },
  storeId: { type: 'text', about: 'refuses when the position was seen in another store' },
  alloc: { type: 'text', about: 'ALLOC or ALLOC/TASK' },
  types: { type: 'list', about: 'such as TaskStarted,TaskExited' },
  follow: { type: 'flag', about: 'false: ends at the newest one' },
} as const;

export const EVENT_ROUTES: readonly Route[] = [
  route('GET /v1/events', 'events', {
    summary: 'Every event, from any position on, without a gap or a repeat',
    scope: 'read',
    query: QUERY,
    types: forms.EVENT_TYPES,
    serve: events,
  }),
  route('GET /v1/event/stream', 'nomadEventStream', {
    summary: 'The same in the lines of Nomad',
    scope: 'read',
    query: {
      index: { type: 'whole', about: 'from this position on; 0: from the oldest' },
      topic: { type: 'list', about: 'Allocation, Node, Service or *, with :KEY if wanted' },
      namespace: { type: 'text', about: 'taken, and not looked at: there is one' },
    },
    serve: nomadStream,
  }),
];

/** Of each orchestrator and each form. */
const texts = new WeakMap<Orchestrator, Map<string, forms.KnownTexts>>();

async function events(call: Call<typeof QUERY>): Promise<Answer> {
  const { orchestrator, query, headers, signal, heartbeatMs } = call;
  const { storeId, instanceId, head } = await orchestrator.agent();
  const asked = positionOf(headers['last-event-id'] ?? query.after, head);
  const type = preferred(headers.accept, forms.EVENT_TYPES);
  const isBatch = type === 'application/cloudevents-batch+json';
  const form = formOf(type, instanceId);
  const place = { storeId, position: asked.after };
  const source = orchestrator.events({
    storeId: query.storeId ?? storeId,
    ...asked,
    signal,
    ...(query.alloc === undefined ? {} : { ref: query.alloc }),
    ...(query.types === undefined ? {} : { types: query.types }),
    ...(query.follow === false || isBatch ? { until: 'head' } : {}),
  });
  const known = textsOf(orchestrator, type);
  const chunks = inChunks(source, place, (event) => known.of(event, form.encode), isBatch);
  const failed = (error: unknown): string => form.failed(error, place);
  const idle = { everyMs: heartbeatMs, text: () => form.bookmark(place) };
  const { greeting } = form;
  return {
    stream: { type, chunks, failed, ...(isBatch ? {} : { idle }), ...(greeting && { greeting }) },
  };
}

function textsOf(orchestrator: Orchestrator, type: string): forms.KnownTexts {
  const all = texts.get(orchestrator) ?? new Map<string, forms.KnownTexts>();
  texts.set(orchestrator, all);
  const known = all.get(type) ?? new forms.KnownTexts();
  all.set(type, known);
  return known;
}

function formOf(type: (typeof forms.EVENT_TYPES)[number], instanceId: string): forms.EventForm {
  switch (type) {
    case 'text/event-stream':
      return forms.eventStream;
    case 'application/cloudevents+json':
      return forms.cloudEventLines(instanceId);
    case 'application/cloudevents-batch+json':
      return forms.cloudEventBatch(instanceId);
    default:
      return forms.eventLines;
  }
}

/** As many in one write as are there together. `place` follows what was given out. */
async function* inChunks(
  events: AsyncIterable<PublicEvent>,
  place: { position: number },
  encode: (event: PublicEvent) => string,
  isArray: boolean,
): AsyncGenerator<string> {
  let size = 0;
  const written = (event: PublicEvent): { position: number; text: string } => {
    return { position: event.position, text: encode(event) };
  };
  const batches = inBatches(events, written, ({ text }, count) => {
    size = count === 1 ? text.length : size + text.length;
    return count < MOST_EVENTS && size < MOST_TEXT;
  });
  let before = isArray ? '[' : '';
  for await (const batch of batches) {
    place.position = batch.at(-1)?.position ?? place.position;
    yield before + batch.map(({ text }) => text).join(isArray ? ',' : '');
    before = isArray ? ',' : '';
  }
  if (isArray) yield before === '[' ? '[]' : ']';
}

/** 'now' is the head of now, so that even who has seen nothing can be told where to go on. Throws USAGE. */
function positionOf(
  text: string | string[] | undefined,
  head: number,
): Pick<EventQuery, 'storeId'> & { readonly after: number } {
  if (text === undefined || text === '') return { after: 0 };
  if (text === 'now') return { after: head };
  const [, storeId, position] = /^(?:([\w-]{1,64}):)?(\d{1,15})$/.exec(String(text)) ?? [];
  if (position !== undefined) {
    return { after: Number(position), ...(storeId === undefined ? {} : { storeId }) };
  }
  throw new HoldfastError('USAGE', 'a position is a number, STORE:NUMBER or now');
}

type NomadCall = Call<{
  readonly index: { readonly type: 'whole'; readonly about: string };
  readonly topic: { readonly type: 'list'; readonly about: string };
}>;

async function nomadStream({
  orchestrator,
  query,
  signal,
  heartbeatMs,
}: NomadCall): Promise<Answer> {
  const { index = 0, topic = [] } = query;
  const filters = topic.map(topicFilter);
  const { instanceId } = await orchestrator.agent();
  const wanted = wantedOf(orchestrator, { after: Math.max(0, index - 1), signal }, (event) => {
    const told = nomadStreamEvent(event, instanceId);
    return isWanted(told, filters) ? told : undefined;
  });
  return {
    stream: {
      type: 'application/json',
      chunks: nomadLines(wanted),
      greeting: '{}\n',
      idle: { everyMs: heartbeatMs, text: () => '{}\n' },
      failed: (error) => `${JSON.stringify(sentError(error))}\n`,
    },
  };
}

async function* wantedOf(
  orchestrator: Orchestrator,
  query: EventQuery,
  tell: (event: PublicEvent) => NomadStreamEvent | undefined,
): AsyncGenerator<NomadStreamEvent> {
  for await (const event of orchestrator.events(query)) {
    const told = tell(event);
    if (told !== undefined) yield told;
  }
}

async function* nomadLines(events: AsyncIterable<NomadStreamEvent>): AsyncGenerator<string> {
  const written = (event: NomadStreamEvent): string =>
    `${JSON.stringify({ Index: event.Index, Events: [event] })}\n`;
  let size = 0;
  const batches = inBatches(events, written, (text, count) => {
    size = count === 1 ? text.length : size + text.length;
    return count < MOST_EVENTS && size < MOST_TEXT;
  });
  for await (const batch of batches) yield batch.join('');
}

/** Throws USAGE. */
function topicFilter(text: string): TopicFilter {
  const [topic = '', key = '*', more] = text.split(':');
  if (more === undefined && topic !== '') return { topic, key };
  throw new HoldfastError('USAGE', `${text} is no topic: they are such as Allocation:KEY`);
}
