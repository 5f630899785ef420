/** What a container uses, told by the cgroups of this machine: the engine is asked once, which process it is. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '../../engine/engine.ts';
import { HoldfastError } from '../../errors.ts';
import { readProcStat } from '../../os/process-identity.ts';
import { UsageReader } from '../../os/usage-reader.ts';
import type { RunSample, UsageQuery } from '../usage.ts';
import { containerName } from './container-body.ts';
import { isLiving } from './container-sight.ts';

/**
 * Ends when the container does, or when `query.signal` aborts. Errors: CAPABILITY_MISSING for an engine of another
 * machine, EngineError.
 */
export async function* containerUsage(
  engine: Engine,
  launchKey: string,
  { intervalMs, withProcesses, signal }: UsageQuery,
): AsyncGenerator<RunSample, void, undefined> {
  if (!engine.isLocal) {
    const text = `what containers of ${engine.endpoint} use is known on its own machine only`;
    throw new HoldfastError('CAPABILITY_MISSING', text);
  }
  const facts = await engine.inspectContainer(containerName(launchKey));
  if (facts === undefined || !isLiving(facts)) return;
  const { pid } = facts.state;
  const own = readProcStat(pid);
  if (own === undefined || own === 'unknown') return;
  // Its cgroups have its id in their paths, as those of other runs have their launch key.
  const run = { key: facts.id, mark: '', program: { pid, startTime: own.startTime } };
  const reader = new UsageReader();
  while (signal?.aborted !== true) {
    const monotonicMs = Number(process.hrtime.bigint() / 1_000_000n);
    const use = reader.read([run], withProcesses, monotonicMs).get(run.key);
    if (use === undefined) return;
    const processes = withProcesses ? use.processes : [];
    yield { ...use, processes, atMs: Date.now(), monotonicMs };
    const waiting = delay(intervalMs, undefined, signal && { signal });
    await waiting.catch(() => undefined);
  }
}
