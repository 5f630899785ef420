/** What tasks wrote and what they use, as it comes. */
import { isUtf8 } from 'node:buffer';
import { inBatches } from '../server/batches.ts';
import { sentError } from './answer.ts';
import { preferred } from './preferred.ts';
import { route, type Answer, type Call, type Route, type Stream } from './route.ts';
import type { LogChunk, TaskStats } from '../api.ts';

const ALLOC = '/v1/allocs/{alloc}';
const TASK = '/v1/allocs/{alloc}/tasks/{task}';
const LOG_TYPES = ['text/plain', 'application/x-ndjson', 'text/event-stream'] as const;
const STATS_TYPES = ['application/x-ndjson', 'text/event-stream'] as const;

/** With the buffer of the connection they bound what a stopped reader costs. */
const MOST_LINES = 256;
const MOST_TEXT = 64 * 1024;

const LOG_QUERY = {
  stream: { type: 'text', about: 'default both', words: ['stdout', 'stderr', 'both'] },
  follow: { type: 'flag', about: 'goes on until the task is over' },
  after: { type: 'text', about: 'a cursor: goes on behind it; Last-Event-ID goes before it' },
  tail: { type: 'whole', about: 'begins with the last so many lines' },
  origin: { type: 'text', about: 'whence offset counts', words: ['start', 'end'] },
  offset: { type: 'whole', about: 'begins so many bytes behind the start, or before the end' },
  since: { type: 'time', about: 'only what was collected from then on' },
  until: { type: 'time', about: 'only what was collected until then' },
  run: { type: 'run', about: 'only what this run wrote; last, all' },
} as const;

const STATS_QUERY = {
  interval: { type: 'duration', about: 'between two samples of a task; default 1s' },
  processes: { type: 'flag', about: 'lists every process too' },
  count: { type: 'whole', about: 'ends after so many samples' },
} as const;

export const OUTPUT_ROUTES: readonly Route[] = [
  route(`GET ${ALLOC}/logs`, 'logsAlloc', {
    summary: 'What the only task of an alloc wrote',
    scope: 'logs',
    query: LOG_QUERY,
    types: LOG_TYPES,
    serve: logs,
  }),
  route(`GET ${TASK}/logs`, 'logsTask', {
    summary: 'What a task wrote',
    scope: 'logs',
    query: LOG_QUERY,
    types: LOG_TYPES,
    serve: logs,
  }),
  ...(
    [
      ['/v1/stats', 'statsAll', 'all tasks of live allocs'],
      [`${ALLOC}/stats`, 'statsAlloc', 'the tasks of an alloc'],
      [`${TASK}/stats`, 'statsTask', 'a task'],
    ] as const
  ).map(([path, operation, of]) =>
    route(`GET ${path}`, operation, {
      summary: `What ${of} use${of === 'a task' ? 's' : ''}, at once and then every interval`,
      scope: 'read',
      query: STATS_QUERY,
      types: STATS_TYPES,
      serve: stats,
    }),
  ),
];

async function logs(call: Call<typeof LOG_QUERY>): Promise<Answer> {
  const { orchestrator, ref, query, headers, signal } = call;
  const type = preferred(headers.accept, LOG_TYPES);
  const last = headers['last-event-id'];
  const after = typeof last === 'string' && last !== '' ? { after: last } : {};
  const chunks = orchestrator.logs(ref, { ...query, ...after, signal });
  if (type !== 'text/plain')
    return { stream: { ...framed(call, type), chunks: lines(chunks, type) } };
  // Text has no place for a last word: who fails breaks off.
  return { stream: { type, chunks: bytes(chunks), failed: () => '' } };
}

async function* bytes(chunks: AsyncIterable<LogChunk>): AsyncGenerator<Uint8Array> {
  for await (const { data } of chunks) if (data.length > 0) yield data;
}

async function* lines(chunks: AsyncIterable<LogChunk>, type: string): AsyncGenerator<string> {
  const isEvents = type === 'text/event-stream';
  const written = (chunk: LogChunk): string => {
    const text = JSON.stringify(sentChunk(chunk));
    return isEvents ? `id: ${chunk.cursor}\nevent: output\ndata: ${text}\n\n` : `${text}\n`;
  };
  for await (const batch of together(chunks, written)) yield batch.join('');
}

/** Bytes are a text where they are one, else base64: people read text, and no byte is lost. */
function sentChunk({ data, ...facts }: LogChunk): object {
  const text = Buffer.from(data);
  if (isUtf8(text)) return { ...facts, text: text.toString() };
  return { ...facts, base64: text.toString('base64') };
}

async function stats(call: Call<typeof STATS_QUERY>): Promise<Answer> {
  const { orchestrator, ref, query, headers, signal } = call;
  const { interval, processes, count } = query;
  const type = preferred(headers.accept, STATS_TYPES);
  const samples = orchestrator.stats(ref === '' ? undefined : ref, {
    signal,
    ...(interval === undefined ? {} : { intervalMs: interval }),
    ...(processes === undefined ? {} : { processes }),
  });
  return { stream: { ...framed(call, type), chunks: samplesOf(samples, type, count) } };
}

async function* samplesOf(
  samples: AsyncIterable<TaskStats>,
  type: string,
  count = Number.POSITIVE_INFINITY,
): AsyncGenerator<string> {
  let left = count;
  for await (const sample of samples) {
    const text = JSON.stringify(sample);
    yield type === 'text/event-stream' ? `event: sample\ndata: ${text}\n\n` : `${text}\n`;
    left -= 1;
    if (left <= 0) return;
  }
}

function together<Thing>(
  things: AsyncIterable<Thing>,
  written: (thing: Thing) => string,
): AsyncGenerator<string[]> {
  let size = 0;
  return inBatches(things, written, (text, count) => {
    size = count === 1 ? text.length : size + text.length;
    return count < MOST_LINES && size < MOST_TEXT;
  });
}

/** What is said when there is nothing, and when it has failed, in lines of JSON and in server-sent events. */
function framed(
  { heartbeatMs }: { readonly heartbeatMs: number },
  type: string,
): Omit<Stream, 'chunks'> {
  const isEvents = type === 'text/event-stream';
  const beat = isEvents ? ': nothing new\n\n' : '{"type":"heartbeat"}\n';
  return {
    type,
    idle: { everyMs: heartbeatMs, text: () => beat },
    failed: (error) => {
      const sent = sentError(error);
      if (isEvents) return `event: error\ndata: ${JSON.stringify(sent)}\n\n`;
      return `${JSON.stringify({ type: 'error', ...sent })}\n`;
    },
  };
}
