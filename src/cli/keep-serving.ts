/** The life of an agent: open, serve, and when its log could not be written, open it anew and go on. */
import { setTimeout as delay } from 'node:timers/promises';
import { diskFailure, HoldfastError } from '../errors.ts';
import type { Orchestrator } from '../api.ts';
import type { Driver } from '../drivers/driver.ts';
import type { OrchestratorOptions } from '../orchestrator.ts';
import type { Logger } from '../ports.ts';
import type { HttpService, ServeHttpOptions } from '../http/serve-http.ts';
import type { HttpWish } from './http-option.ts';
import type { ServiceNotice } from '../rpc/service-notice.ts';
import { type GrpcPlace, serveOthers } from './serve-others.ts';

/** What an operator may set of `OrchestratorOptions`. */
export type AgentLimits = Pick<
  OrchestratorOptions,
  | 'diskFloorBytes'
  | 'retention'
  | 'cgroups'
  | 'logs'
  | 'driverPlugins'
  | 'node'
  | 'network'
  | 'deniedHostEnv'
  | 'artifacts'
  | 'secrets'
  | 'templates'
  | 'sinks'
>;

export interface Serving {
  readonly dataDir: string;
  readonly drivers: readonly Driver[];
  readonly logger: Logger;
  readonly limits: AgentLimits;
  readonly grpc: GrpcPlace | undefined;
  /** Undefined: there is no HTTP service. */
  readonly http?: HttpWish;
  readonly notice: ServiceNotice;
  readonly onReady: (ready: Ready) => void;
}

export interface Ready {
  readonly orchestrator: Orchestrator;
  readonly socket: string;
  /** Of the HTTP service, if there is one. */
  readonly url?: string;
}

const FIRST_PAUSE_MS = 1_000;
/** A disk that has room again shall not be waited for. */
const LONGEST_PAUSE_MS = 5_000;
/** Whoever served for so long begins with short pauses again. */
const CALM_MS = 60_000;
const CLOSE_GRACE_MS = 1_000;

/**
 * Resolves when SIGTERM, SIGINT, SIGHUP or a Shutdown call has ended it in order; the tasks go on. Errors: those of the
 * first opening, and EPOCH_STALE when another agent took over. A log that fails later (a full disk, a bad one) is
 * opened again and again: what is on the disk decides, and the tasks never notice.
 */
export async function keepServing(serving: Serving): Promise<void> {
  const stop = Promise.withResolvers<undefined>();
  const onSignal = (signal: NodeJS.Signals): void => {
    serving.logger.info({ reason: signal }, 'ending; the tasks go on');
    serving.notice.stopping();
    stop.resolve(undefined);
  };
  // A terminal that is closed under it is no reason to die without a word.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, onSignal);
  for (let failures = 0, isFirst = true; ; isFirst = false) {
    const beganAt = performance.now();
    const failure = await serveOnce(serving, stop, isFirst).catch((error: unknown) => {
      if (isFirst) throw error;
      return HoldfastError.from(diskFailure(error, 'serve'));
    });
    if (failure === undefined) return;
    if (!failure.retryable) throw failure;
    failures = performance.now() - beganAt > CALM_MS ? 1 : failures + 1;
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
    serving.logger.warn({ code: failure.code, pauseMs }, `opening again: ${failure.message}`);
    serving.notice.status(`waits to open its store again: ${failure.message}`);
    if (await stoppedWithin(serving.dataDir, failure, pauseMs, stop.promise)) return;
  }
}

/** The pause before the next opening. True when it was told to end meanwhile. */
async function stoppedWithin(
  dataDir: string,
  failure: HoldfastError,
  pauseMs: number,
  stop: Promise<undefined>,
): Promise<boolean> {
  const { serveWaiting } = await import('../server/waiting-service.ts');
  const listener = await serveWaiting(dataDir, failure);
  const isStopped = await Promise.race([delay(pauseMs, false), stop.then(() => true)]);
  await listener?.close();
  return isStopped;
}

/** Gives the error that the log failed of, or nothing when it was told to end. */
async function serveOnce(
  { dataDir, drivers, logger, limits, onReady, grpc, http: wish }: Serving,
  stop: PromiseWithResolvers<undefined>,
  isFirst: boolean,
): Promise<HoldfastError | undefined> {
  const { openOrchestrator } = await import('../orchestrator.ts');
  const { serveAgent } = await import('../server/agent-service.ts');
  const options = { ...limits, dataDir, drivers, logger, onClose: 'leave' } as const;
  // An agent that opens its log again is not one that keeps dying.
  const orchestrator = await openOrchestrator(isFirst ? options : { ...options, safeMode: 'off' });
  const listeners: { close(graceMs: number): Promise<void> }[] = [];
  try {
    const onShutdown = (): void => stop.resolve(undefined);
    const { keepListening } = await import('./keep-listening.ts');
    const serve = () => serveAgent({ orchestrator, dataDir, onShutdown });
    const listener = await keepListening(serve, logger);
    listeners.push(listener);
    listeners.push(await serveOthers(grpc, orchestrator, onShutdown, logger));
    const http = wish && (await serveWish(orchestrator, { ...wish, logger, onShutdown }));
    if (http !== undefined) listeners.push(http);
    const { socket } = listener;
    onReady({ orchestrator, socket, ...(http && { url: http.url }) });
    const failed = orchestrator.ended.then((error) => error ?? stop.promise);
    const failure = await Promise.race([stop.promise, failed]);
    process.once('SIGINT', () => process.exit(130));
    return failure;
  } finally {
    // Also of a place that could not be had: who listens keeps the process from ending.
    await Promise.all(listeners.map((each) => each.close(CLOSE_GRACE_MS)));
    await orchestrator.close({ tasks: 'leave' });
  }
}

/** Loaded by agents that serve HTTP only. */
async function serveWish(
  orchestrator: Orchestrator,
  options: ServeHttpOptions,
): Promise<HttpService> {
  const { serveHttp } = await import('../http/serve-http.ts');
  return serveHttp(orchestrator, options);
}
