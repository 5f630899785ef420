import { DOCKER_LOGGER_PROTOCOL } from '../rpc/docker-logger-methods.ts';
import { EXECUTOR_PROTOCOL } from '../rpc/executor-methods.ts';
import { LOGMON_PROTOCOL } from '../rpc/logmon-methods.ts';
import { DockerOutput } from './docker-output.ts';
import { Executor } from './executor.ts';
import { HostPool, type HostPoolDoors } from './host-pool.ts';
import { Logmon } from './logmon.ts';
import type { RunCgroups } from './run-cgroups.ts';
import { ForeignHosts, type ForeignDoors, sessionHosts } from './session-hosts.ts';
import { Sessions } from './sessions.ts';
import { WaitingOutput } from './waiting-output.ts';
import { UsageFeed } from './usage-feed.ts';

export interface Children {
  readonly executor: Executor;
  readonly logmon: Logmon;
  readonly output: DockerOutput;
  readonly usage: UsageFeed;
  readonly sessions: Sessions;
  readonly waitingOutput: WaitingOutput;
  readonly pools: readonly HostPool[];
}

/** Every kind of host and the actor that speaks for it. `signal` aborts with the agent; `placeOf` asks drivers. */
export function wireChildren(
  shared: Omit<HostPoolDoors, 'kind' | 'protocol' | 'onUp'> & { readonly cgroups: RunCgroups },
  signal: AbortSignal,
  placeOf: ForeignDoors['placeOf'],
): Children {
  const waitingOutput = new WaitingOutput(shared);
  const executorPool: HostPool = new HostPool({
    ...shared,
    kind: 'executor',
    protocol: EXECUTOR_PROTOCOL,
    onUp: (host, adopted) => executor.greet(host, adopted, signal),
  });
  const logmonPool: HostPool = new HostPool({
    ...shared,
    kind: 'logmon',
    protocol: LOGMON_PROTOCOL,
    onUp(host, adopted) {
      waitingOutput.moved(adopted, host.id);
      return logmon.greet(host, adopted, signal);
    },
    onAnswer: (hostId, { waiting = [] }) =>
      waitingOutput.heard(hostId, waiting, (taskKey) => logmon.nameOf(taskKey)),
  });
  const outputPool: HostPool = new HostPool({
    ...shared,
    kind: 'docker-logger',
    protocol: DOCKER_LOGGER_PROTOCOL,
    onUp: (host, adopted) => output.greet(host, adopted, signal),
  });
  const executor = new Executor({ ...shared, pool: executorPool });
  const logmon = new Logmon({ ...shared, pool: logmonPool, signal });
  const usage = new UsageFeed(executorPool, shared.agentEpoch);
  const foreign = new ForeignHosts({ ...shared, placeOf });
  signal.addEventListener('abort', () => foreign.close(), { once: true });
  const hosts = sessionHosts({ runs: executorPool, output: outputPool, foreign });
  const sessions = new Sessions({ ...shared, hosts, signal });
  const isBeside = (launchKey: string): boolean => sessions.isBeside(launchKey);
  const output = new DockerOutput({ ...shared, pool: outputPool, signal, isBeside });
  const pools = [executorPool, logmonPool, outputPool];
  return { executor, logmon, output, usage, sessions, waitingOutput, pools };
}
