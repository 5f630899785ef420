import type { TaskStats, TaskView } from '../api.ts';
import type { RunSample, SampledProcess } from '../drivers/usage.ts';

/** A sample as users see it, with the shares of the time since the one before of the same run. */
export function statsBetween(
  { alloc, allocId, task, run }: Pick<TaskView, 'alloc' | 'allocId' | 'task' | 'run'>,
  sample: RunSample,
  before: RunSample | undefined,
): TaskStats {
  const elapsedMs = sample.monotonicMs - (before?.monotonicMs ?? sample.monotonicMs);
  const earlier = new Map((before?.processes ?? []).map((one) => [identityOf(one), one]));
  return {
    alloc,
    allocId,
    task,
    run,
    time: new Date(sample.atMs).toISOString(),
    cpu: {
      ...sample.cpu,
      percent: percent(sample.cpu.totalNs, before?.cpu.totalNs, elapsedMs),
    },
    memory: sample.memory,
    io: sample.io,
    pids: sample.processCount,
    threads: sample.threadCount,
    processes: sample.processes.map((one) => {
      const { pid, command, userNs, systemNs, rssBytes } = one;
      const last = earlier.get(identityOf(one));
      const share = percent(timeOf(one), last && timeOf(last), elapsedMs);
      return { pid, command, userNs, systemNs, percent: share, rssBytes };
    }),
  };
}

function identityOf({ pid, startTime }: SampledProcess): string {
  return `${pid} ${startTime}`;
}

function timeOf({ userNs, systemNs }: SampledProcess): number {
  return userNs + systemNs;
}

/** Of one core. Processes that ended uncounted make a sum smaller: nothing uses less than nothing. */
function percent(nowNs: number, beforeNs: number | undefined, elapsedMs: number): number {
  if (beforeNs === undefined || elapsedMs <= 0) return 0;
  return Math.max(0, ((nowNs - beforeNs) / (elapsedMs * 1e6)) * 100);
}
