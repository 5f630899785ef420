/** The life of an agent: open, serve, and when its log could not be written, open it anew and go on. */
import { diskFailure, HoldfastError } from '../errors.ts';
import type { OrchestratorOptions } from '../orchestrator.ts';
import type { Logger } from '../ports.ts';
import type { ServiceNotice } from '../rpc/service-notice.ts';
import type { Reload } from './reload.ts';
import { type Ready, serveAll } from './serve-all.ts';
import { WaitingRoom } from './waiting-room.ts';

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
  readonly logger: Logger;
  readonly reload: Reload;
  readonly notice: ServiceNotice;
  /** Gives what the service manager shows from now on. */
  readonly onReady: (ready: Ready) => string;
}

const FIRST_PAUSE_MS = 1_000;
/** A disk that has room again shall not be waited for. */
const LONGEST_PAUSE_MS = 5_000;
/** Whoever served for so long begins with short pauses again. */
const CALM_MS = 60_000;
const CLOSE_GRACE_MS = 1_000;

/**
 * Resolves when SIGTERM, SIGINT or a Shutdown call has ended it in order; the tasks go on. Errors: those of the first
 * opening, and EPOCH_STALE when another agent took over. A log that fails later (a full disk, a bad one) is opened
 * again and again: what is on the disk decides, and the tasks never notice.
 */
export async function keepServing(serving: Serving): Promise<void> {
  const stop = Promise.withResolvers<undefined>();
  const endSignals = hearSignals(serving, () => stop.resolve(undefined));
  const room = new WaitingRoom(serving);
  try {
    for (let failures = 0, isFirst = true; ; isFirst = false) {
      const beganAt = performance.now();
      const failure = await serveOnce(serving, stop, isFirst, room).catch((error: unknown) => {
        if (isFirst) throw error;
        return HoldfastError.from(diskFailure(error, 'serve'));
      });
      if (failure === undefined) return;
      if (!failure.retryable) throw failure;
      failures = performance.now() - beganAt > CALM_MS ? 1 : failures + 1;
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
      serving.logger.warn({ code: failure.code, pauseMs }, `opening again: ${failure.message}`);
      serving.notice.status(`waits to open its store again: ${failure.message}`);
      if (await room.wait(failure, pauseMs, stop.promise)) return;
    }
  } finally {
    endSignals();
    await room.leave();
  }
}

/** Gives how to hear none any more. */
function hearSignals({ logger, notice, reload }: Serving, stop: () => void): () => void {
  const onEnd = (signal: NodeJS.Signals): void => {
    logger.info({ reason: signal }, 'ending; the tasks go on');
    notice.stopping();
    stop();
  };
  // A terminal that is closed under it is no reason to die without a word, and none to go on unseen.
  const isOnTerminal = process.stderr.isTTY;
  const onHangUp = (): void => {
    if (isOnTerminal) onEnd('SIGHUP');
    else void reload.now();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, onEnd);
  process.on('SIGHUP', onHangUp);
  // Whoever has heard that it ends is not to be told anything anew.
  return () => process.off('SIGHUP', onHangUp).on('SIGHUP', () => undefined);
}

/** Gives the error that the log failed of, or nothing when it was told to end. */
async function serveOnce(
  { dataDir, logger, reload, onReady }: Serving,
  stop: PromiseWithResolvers<undefined>,
  isFirst: boolean,
  room: WaitingRoom,
): Promise<HoldfastError | undefined> {
  const { openAdjustable } = await import('../orchestrator.ts');
  const { drivers, limits } = reload.settings;
  const options = { ...limits, dataDir, drivers, logger, onClose: 'leave' } as const;
  // An agent that opens its log again is not one that keeps dying.
  const opened = await openAdjustable(isFirst ? options : { ...options, safeMode: 'off' });
  const { orchestrator } = opened;
  const onShutdown = (): void => stop.resolve(undefined);
  const doors = { orchestrator, dataDir, logger, onShutdown };
  const listeners: { close(graceMs: number): Promise<void> }[] = [];
  try {
    await room.leave();
    const { ready, update } = await serveAll(doors, reload.settings, room.httpPort, listeners);
    room.remember(ready);
    const status = onReady(ready);
    reload.runs(async (settings) => {
      opened.adjust(settings.limits);
      await update(settings);
    }, status);
    const failed = orchestrator.ended.then((error) => error ?? stop.promise);
    const failure = await Promise.race([stop.promise, failed]);
    process.once('SIGINT', () => process.exit(130));
    return failure;
  } finally {
    reload.rests();
    // Also of a place that could not be had: who listens keeps the process from ending.
    await Promise.all(listeners.map((each) => each.close(CLOSE_GRACE_MS)));
    await orchestrator.close({ tasks: 'leave' });
  }
}
