import type { CollectRequest } from '../../rpc/gen/holdfast/logmon/v1/logmon.ts';
import { readCollect } from './collect-file.ts';
import type { HeldFifos } from './held-fifos.ts';
import type { Run } from './run.ts';

/**
 * How the output of tasks is collected from whose FIFOs nobody collects now, though a program may still write or its
 * last words wait there. One of a task, that of its newest run. Takes microseconds a run.
 */
export function neglectedOutput(runs: Iterable<Run>, fifos: HeldFifos): readonly CollectRequest[] {
  const found = new Map<string, CollectRequest>();
  for (const run of runs) {
    const { key, end } = run;
    // Its output goes nowhere, or nobody told how it is collected.
    if (run.collect === 'none') continue;
    if (fifos.areCollected(key) || (end !== undefined && fifos.waitingBytes(key) === 0)) continue;
    run.collect ??= readCollect(run.dir);
    if (run.collect !== undefined && run.collect !== 'none') {
      found.set(run.collect.taskKey, run.collect);
    }
  }
  return [...found.values()];
}
