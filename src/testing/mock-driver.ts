/**
 * A driver without processes. It keeps the contract of `driver.ts` as the real ones do, and a task's config can tell it
 * to break in every way that a real one may.
 */
import { HoldfastError } from '../errors.ts';
import type {
  Driver,
  RunOutcome,
  RunRequest,
  StartOutcome,
  StopOutcome,
} from '../drivers/driver.ts';
import type { Holdings, Thing } from '../drivers/holdings.ts';
import type { RunSample, UsageQuery } from '../drivers/usage.ts';
import type { StopStep } from '../machines/kill-policy.ts';
import { durationMs } from '../spec/duration.ts';
import { checkMockConfig, type MockCall } from './mock-config.ts';
import { isLiving, type MockRun, type MockWorld } from './mock-world.ts';

/** One driver for one agent; several may share a world, one after the other. */
export function mockDriver(world: MockWorld, name = 'mock'): Driver {
  /** What this very agent started or adopted. */
  const own = new Set<string>();
  const enter = async (call: MockCall, request: RunRequest, signal?: AbortSignal) => {
    const run = world.recordOf(request);
    const { throwIn, hangIn } = run.config;
    if (throwIn === call) throw new TypeError(`the mock driver has a bug in ${call}`);
    if (hangIn === call) await untilAborted(signal);
    return run;
  };
  return {
    name,
    apiVersion: 1,
    fingerprint: () => Promise.resolve({ health: 'healthy', message: 'Healthy', attributes: {} }),
    checkConfig: (config) => void checkMockConfig(config),
    inspect: async (request) => world.sight(await enter('inspect', request)),
    async start(request, { holdings }, signal) {
      const run = await enter('start', request, signal);
      await makeVolume(world, run, holdings, signal);
      const outcome = await start(world, run, signal);
      if (outcome.kind === 'started') own.add(request.launchKey);
      return outcome;
    },
    isOwn: (request) => own.has(request.launchKey),
    async adopt(request, _doors, signal) {
      const run = await enter('adopt', request, signal);
      own.add(request.launchKey);
      return isLiving(run);
    },
    wait: async (request, _doors, signal) => waitFor(await enter('wait', request, signal), signal),
    async stop(request, plan, _doors, signal) {
      return stop(world, await enter('stop', request, signal), plan, signal);
    },
    async signal(request, signal) {
      const run = world.recordOf(request);
      const { signalError } = run.config;
      if (signalError !== undefined) throw new HoldfastError('UNAVAILABLE', signalError);
      if (!isLiving(run)) return false;
      run.signals.push(signal);
      return true;
    },
    release: async (request) => void own.delete(request.launchKey),
    cleanUp: (things, _of, { holdings }) => removeVolumes(world, things, holdings),
    stats: (launchKey, query) => samplesOf(world, launchKey, query),
  };
}

/** Once a run, and recorded before; not for a start that was given up. */
async function makeVolume(
  world: MockWorld,
  run: MockRun,
  holdings: Holdings,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) await untilAborted(signal);
  const { makes } = run.config;
  if (makes === undefined || run.fate !== 'none') return;
  await holdings.record({ kind: 'volume', id: makes });
  world.volumes.add(makes);
}

async function removeVolumes(
  world: MockWorld,
  things: readonly Thing[],
  holdings: Holdings,
): Promise<void> {
  for (const thing of things) {
    world.volumes.delete(thing.id);
    await holdings.forget(thing);
  }
}

async function start(world: MockWorld, run: MockRun, signal: AbortSignal): Promise<StartOutcome> {
  const { startDelay, startError } = run.config;
  if (startDelay !== undefined && run.fate === 'none') {
    await pauseFor(world, durationMs(startDelay), signal);
  }
  if (run.fate === 'abort') return { kind: 'aborted' };
  if (run.process !== undefined) return { kind: 'started', process: run.process };
  if (startError === undefined || !world.isRefused(run)) {
    return { kind: 'started', process: world.begin(run) };
  }
  run.fate = 'abort';
  const { message, recoverable: isRecoverable = false } = startError;
  return { kind: 'refused', code: 'START_FAILED', message, isRecoverable };
}

async function stop(
  world: MockWorld,
  run: MockRun,
  plan: readonly StopStep[],
  signal: AbortSignal,
): Promise<StopOutcome> {
  if (run.fate !== 'launch') {
    run.fate = 'abort';
    return { kind: 'aborted' };
  }
  run.stops += 1;
  const { stopStuck = 0, ignoresSignals = false } = run.config;
  for (const step of plan) {
    if (!isLiving(run)) break;
    const isForce = step.signal === 'SIGKILL';
    if (isForce && run.stops <= stopStuck) {
      return { kind: 'stuck', message: `pid ${run.process?.pid} outlived SIGKILL` };
    }
    if (isForce || !(ignoresSignals || stopStuck > 0)) endBy(world, run, step.signal);
    else await Promise.race([run.ended.promise, pauseFor(world, step.waitMs, signal)]);
  }
  return isLiving(run) ? { kind: 'stuck', message: 'the plan ended before it' } : { kind: 'ended' };
}

/** One process that has used what the test says, looked at by the world's clock. */
async function* samplesOf(
  world: MockWorld,
  launchKey: string,
  { intervalMs, withProcesses, signal = new AbortController().signal }: UsageQuery,
): AsyncGenerator<RunSample> {
  for (;;) {
    const run = world.runs().find((one) => one.launchKey === launchKey);
    if (run === undefined || !isLiving(run)) return;
    const { usedNs, process } = run;
    const now = world.clock.now();
    const [pid, startTime] = [process?.pid ?? 0, process?.startTime ?? ''];
    const cpu = { totalNs: usedNs, userNs: usedNs, systemNs: 0 };
    const one = { pid, startTime, command: run.task, rssBytes: 4_096, ...cpu };
    yield {
      atMs: now,
      monotonicMs: now,
      cpu,
      memory: { rssBytes: 4_096 },
      io: {},
      processCount: 1,
      threadCount: 1,
      processes: withProcesses ? [one] : [],
    };
    await pauseFor(world, intervalMs, signal).catch(() => undefined);
    if (signal.aborted) return;
  }
}

function endBy(world: MockWorld, run: MockRun, signal: string): void {
  const exitedAt = world.clock.now();
  const exit = { exitCode: null, signal, oomKilled: false, exitedAt };
  world.finish(run, { kind: 'exited', exit });
}

function waitFor(run: MockRun, signal: AbortSignal): Promise<RunOutcome> {
  return Promise.race([run.ended.promise, untilAborted(signal)]);
}

function pauseFor({ clock }: MockWorld, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.at(clock.now() + delayMs, resolve);
    untilAborted(signal).catch((error: unknown) => {
      cancel();
      reject(error);
    });
  });
}

/** Never resolves; rejects with ABORTED. */
function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    const giveUp = (): void => reject(new HoldfastError('ABORTED', 'nobody waits any more'));
    if (signal?.aborted === true) giveUp();
    else signal?.addEventListener('abort', giveUp, { once: true });
  });
}
