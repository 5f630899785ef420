import { Executor } from './executor.ts';
import { HostPool, type HostPoolDoors } from './host-pool.ts';
import { Logmon } from './logmon.ts';
import { UsageFeed } from './usage-feed.ts';

export interface Children {
  readonly executor: Executor;
  readonly logmon: Logmon;
  readonly usage: UsageFeed;
  readonly pools: readonly HostPool[];
}

/** The two kinds of host, each with the actor that speaks for it. `signal` aborts when the agent closes. */
export function wireChildren(
  shared: Omit<HostPoolDoors, 'kind' | 'onUp'>,
  signal: AbortSignal,
): Children {
  const executorPool: HostPool = new HostPool({
    ...shared,
    kind: 'executor',
    onUp: (host, adopted) => executor.greet(host, adopted, signal),
  });
  const logmonPool: HostPool = new HostPool({
    ...shared,
    kind: 'logmon',
    onUp: (host, adopted) => logmon.greet(host, adopted, signal),
  });
  const executor = new Executor({ ...shared, pool: executorPool });
  const logmon = new Logmon(logmonPool, shared);
  const usage = new UsageFeed(executorPool, shared.agentEpoch);
  return { executor, logmon, usage, pools: [executorPool, logmonPool] };
}
