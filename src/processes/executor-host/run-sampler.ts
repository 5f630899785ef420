import type { Marked } from '../../os/usage-members.ts';
import { UsageReader } from '../../os/usage-reader.ts';
import type { Run } from './run.ts';
import { Sampler } from './sampler.ts';

/** The sampler of a host's runs. What it must know of the machine is read when somebody asks first. */
export function runSampler(runs: ReadonlyMap<string, Run>): Sampler {
  let reader: UsageReader | undefined;
  return new Sampler({
    read: (keys, withProcesses) => {
      reader ??= new UsageReader();
      return reader.read(livingOf(runs, keys), withProcesses, monotonic());
    },
    now: () => Date.now(),
    monotonic,
    after: (delayMs, wake) => {
      const timer = setTimeout(wake, delayMs);
      return () => clearTimeout(timer);
    },
  });
}

/** CLOCK_MONOTONIC itself: `performance.now()` begins anew in every process. */
function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function livingOf(runs: ReadonlyMap<string, Run>, keys: ReadonlySet<string>): readonly Marked[] {
  return [...keys].flatMap((key) => {
    const run = runs.get(key);
    if (run?.program === undefined || run.end !== undefined) return [];
    return [{ key, mark: run.mark, program: run.program }];
  });
}
