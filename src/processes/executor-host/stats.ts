/** The samples of one caller as messages of executor.proto. */
import type { ProcessUse, RunUse } from '../../os/usage.ts';
import type * as wire from '../../rpc/gen/holdfast/executor/v1/executor.ts';
import type { Sample, Sampler } from './sampler.ts';

/** A caller who wants it finer costs more than he learns: the kernel counts in hundredths of a second. */
const SHORTEST_INTERVAL_MS = 100;

/** Until `signal` aborts. A caller who does not take what he asked for gets the newest, not all of it. */
export async function* statsFor(
  request: wire.StatsRequest,
  sampler: Sampler,
  signal: AbortSignal,
): AsyncGenerator<wire.StatsResponse> {
  let newest: Sample | undefined;
  const sent = new Map<string, RunUse>();
  let wake = (): void => undefined;
  const leave = sampler.add({
    intervalMs: Math.max(SHORTEST_INTERVAL_MS, request.intervalMs),
    keys: request.launchKeys,
    withProcesses: request.withProcesses,
    hear: (sample) => {
      newest = sample;
      wake();
    },
  });
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort);
  try {
    while (!signal.aborted) {
      const sample: Sample | undefined = newest;
      newest = undefined;
      if (sample === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else yield messageOf(request, sample, sent);
    }
  } finally {
    leave();
    signal.removeEventListener('abort', onAbort);
  }
}

/** `sent` is what the caller has of each run, and is kept up to date. */
function messageOf(
  { launchKeys, withProcesses }: wire.StatsRequest,
  { atMs, monotonicMs, uses }: Sample,
  sent: Map<string, RunUse>,
): wire.StatsResponse {
  const runs: wire.RunUsage[] = [];
  const unchanged: number[] = [];
  for (const [place, key] of launchKeys.entries()) {
    const use = uses.get(key);
    if (use === undefined) continue;
    if (sent.get(key) === use) unchanged.push(place);
    else runs.push(usageOf(key, use, withProcesses));
    sent.set(key, use);
  }
  return { runs, atMs, monotonicMs, unchanged };
}

function usageOf(launchKey: string, use: RunUse, withProcesses: boolean): wire.RunUsage {
  return {
    launchKey,
    cpu: { ...use.cpu },
    memory: { ...use.memory },
    ...use.io,
    processes: use.processCount,
    threads: use.threadCount,
    eachProcess: withProcesses ? use.processes.map(processOf) : [],
  };
}

function processOf(one: ProcessUse): wire.ProcessUsage {
  const { pid, command, startTime, userNs, systemNs, rssBytes } = one;
  return { pid, command, startTime, userNs, systemNs, rssBytes };
}
