/** Output of a task as messages, both ways. */
import { Stream } from '../rpc/gen/holdfast/agent/v1/agent.ts';
import { assertLogQuery } from '../log-query.ts';
import { inBatches } from './batches.ts';
import type { LogChunk, LogGap, LogQuery } from '../api.ts';
import type { LogsRequest, LogsResponse } from '../rpc/gen/holdfast/agent/v1/agent.ts';

const STREAM_OF = {
  both: Stream.UNSPECIFIED,
  stdout: Stream.STDOUT,
  stderr: Stream.STDERR,
} as const;

/** On the wire 0 is every run, and no run has that number. */
const LAST_RUN = -1;

export function toLogQuery(request: LogsRequest, signal: AbortSignal): LogQuery {
  const { after, tail, sinceMs, untilMs, run, offset, offsetFromEnd } = request;
  return {
    stream: streamName(request.stream),
    follow: request.follow,
    signal,
    ...(after === '' ? {} : { after }),
    ...(tail === undefined ? {} : { tail }),
    ...(sinceMs === undefined ? {} : { since: new Date(sinceMs) }),
    ...(untilMs === undefined ? {} : { until: new Date(untilMs) }),
    ...(run === 0 ? {} : { run: run === LAST_RUN ? 'last' : run }),
    ...(offset === undefined ? {} : { offset }),
    ...(offsetFromEnd === undefined ? {} : { origin: 'end', offset: offsetFromEnd }),
  };
}

/** Throws USAGE: what makes no sense might make some on the wire. */
export function toLogsRequest(ref: string, query: LogQuery): LogsRequest {
  assertLogQuery(query);
  const { stream = 'both', follow = false, after = '', tail, since, until, run = 'all' } = query;
  const { origin = 'start', offset } = query;
  return {
    ref,
    stream: STREAM_OF[stream],
    follow,
    after,
    tail,
    sinceMs: since?.getTime(),
    untilMs: until?.getTime(),
    run: run === 'all' ? 0 : run === 'last' ? LAST_RUN : run,
    offset: origin === 'start' ? offset : undefined,
    takesMore: true,
    knowsOwners: true,
    offsetFromEnd: origin === 'end' ? (offset ?? 0) : undefined,
  };
}

const MAX_CHUNKS = 256;
/** With the window of the connection it bounds what a stopped reader costs. */
const MAX_BYTES = 65_536;

/** Of a slow task there is a chunk for every few lines: as many in one message as are there together. */
export async function* toLogMessages(
  chunks: AsyncIterable<LogChunk>,
  { takesMore, knowsOwners }: Pick<LogsRequest, 'takesMore' | 'knowsOwners'>,
): AsyncGenerator<LogsResponse> {
  let bytes = 0;
  const toMessage = (chunk: LogChunk): LogsResponse => {
    const message = toLogMessage(chunk);
    return knowsOwners ? message : { ...message, cursor: message.cursor.replace(/^.*@/, '') };
  };
  const batches = inBatches(chunks, toMessage, ({ data }, count) => {
    bytes = count === 1 ? data.length : bytes + data.length;
    return takesMore && count < MAX_CHUNKS && bytes < MAX_BYTES;
  });
  for await (const [first, ...more] of batches) {
    if (first !== undefined) yield { ...first, more };
  }
}

function toLogMessage({ stream, data, cursor, run, time, gap }: LogChunk): LogsResponse {
  return {
    stream: STREAM_OF[stream],
    data: Buffer.from(data),
    cursor,
    run,
    atMs: time === null ? 0 : Date.parse(time),
    gap: gap === undefined ? undefined : { reason: gap.reason, bytes: gap.bytes ?? undefined },
    more: [],
  };
}

export function* fromLogMessages({ more, ...first }: LogsResponse): Generator<LogChunk, void> {
  yield fromLogMessage(first);
  for (const one of more) yield fromLogMessage(one);
}

function fromLogMessage({
  stream,
  data,
  cursor,
  run,
  atMs,
  gap,
}: Omit<LogsResponse, 'more'>): LogChunk {
  return {
    stream: stream === Stream.STDERR ? 'stderr' : 'stdout',
    data,
    cursor,
    run,
    time: atMs === 0 ? null : new Date(atMs).toISOString(),
    ...(gap === undefined
      ? {}
      : { gap: { reason: gap.reason as LogGap['reason'], bytes: gap.bytes ?? null } }),
  };
}

function streamName(stream: Stream): 'stdout' | 'stderr' | 'both' {
  if (stream === Stream.STDOUT) return 'stdout';
  return stream === Stream.STDERR ? 'stderr' : 'both';
}
