/** What tasks use as messages, both ways. */
import type { StatsQuery, TaskStats } from '../api.ts';
import type * as message from '../rpc/gen/holdfast/agent/v1/agent.ts';
import { inBatches } from './batches.ts';

const MOST_SAMPLES = 256;

export function toStatsRequest(ref: string | undefined, query: StatsQuery): message.StatsRequest {
  const { intervalMs = 0, processes = false } = query;
  return { ref: ref ?? '', intervalMs, processes };
}

export function toStatsQuery(
  { ref, intervalMs, processes }: message.StatsRequest,
  signal: AbortSignal,
): [ref: string | undefined, query: StatsQuery] {
  const interval = intervalMs === 0 ? {} : { intervalMs };
  return [ref === '' ? undefined : ref, { processes, signal, ...interval }];
}

/** Samples that are there together go together. */
export async function* toStatsMessages(
  samples: AsyncIterable<TaskStats>,
): AsyncGenerator<message.StatsResponse> {
  const convert = (one: TaskStats): message.TaskStats => ({
    ...one,
    processes: [...one.processes],
  });
  for await (const batch of inBatches(samples, convert, (_one, count) => count < MOST_SAMPLES)) {
    yield { samples: batch };
  }
}

export function fromStatsMessage(sample: message.TaskStats): TaskStats {
  const { cpu, memory, io, ...rest } = sample;
  return {
    ...rest,
    cpu: cpu ?? { totalNs: 0, userNs: 0, systemNs: 0, percent: 0 },
    memory: memory ?? {},
    io: io ?? {},
  };
}
