/** Output of a task as messages, both ways. */
import { Stream } from '../rpc/gen/holdfast/agent/v1/agent.ts';
import type { LogChunk, LogQuery } from '../api.ts';
import type { LogsRequest, LogsResponse } from '../rpc/gen/holdfast/agent/v1/agent.ts';

const STREAM_OF = {
  both: Stream.UNSPECIFIED,
  stdout: Stream.STDOUT,
  stderr: Stream.STDERR,
} as const;

export function toLogQuery(request: LogsRequest, signal: AbortSignal): LogQuery {
  const stream = streamName(request.stream);
  const after = request.after === '' ? {} : { after: request.after };
  return { stream, follow: request.follow, signal, ...after };
}

export function toLogsRequest(ref: string, query: LogQuery): LogsRequest {
  return {
    ref,
    stream: STREAM_OF[query.stream ?? 'both'],
    follow: query.follow ?? false,
    after: query.after ?? '',
  };
}

export async function* toLogMessages(
  chunks: AsyncIterable<LogChunk>,
): AsyncGenerator<LogsResponse> {
  for await (const { stream, data, cursor } of chunks) {
    yield { stream: STREAM_OF[stream], data: Buffer.from(data), cursor };
  }
}

export function fromLogMessage({ stream, data, cursor }: LogsResponse): LogChunk {
  return { stream: stream === Stream.STDERR ? 'stderr' : 'stdout', data, cursor };
}

function streamName(stream: Stream): 'stdout' | 'stderr' | 'both' {
  if (stream === Stream.STDOUT) return 'stdout';
  return stream === Stream.STDERR ? 'stderr' : 'both';
}
