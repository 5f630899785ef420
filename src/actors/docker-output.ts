/** The docker logger as an actor of the agent: keeps the output of containers flowing through whatever host has it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { RunRequest } from '../drivers/driver.ts';
import type { ContainerLog, OutputDoor } from '../drivers/output-door.ts';
import type { TaskVoice } from '../drivers/task-voice.ts';
import { HoldfastError, isRetryable, messageOf } from '../errors.ts';
import { runDirectory } from '../os/run-directory.ts';
import { dockerLoggerMethods as service } from '../rpc/docker-logger-methods.ts';
import { call } from '../rpc/framed-client.ts';
import type { HostPool, HostPoolDoors, PooledHost } from './host-pool.ts';
import { untilNextLook } from './look-again.ts';

const CALL_DEADLINE_MS = 10_000;
/** A host answers a listener at the latest after this. */
const LISTEN_MS = 60_000;

interface OutputDoors extends Pick<
  HostPoolDoors,
  'agentEpoch' | 'instanceId' | 'stateDir' | 'logger'
> {
  readonly pool: HostPool;
  /** Aborts when the agent closes. */
  readonly signal: AbortSignal;
  /** Are there commands beside a run? A host for them it keeps, also when nothing of its output is moved. */
  readonly isBeside: (launchKey: string) => boolean;
}

type Wish = Omit<Parameters<typeof service.follow.requestSerialize>[0], 'agentEpoch'>;

interface Followed {
  readonly wish: Wish;
  readonly voice: TaskVoice;
  /** Aborts when it is released. */
  readonly ending: AbortController;
  /** Resolves when all of it is in the FIFOs, or it is released. */
  readonly settled: Promise<void>;
  isSettled: boolean;
}

export class DockerOutput {
  readonly #doors: OutputDoors;
  readonly #runs = new Map<string, Followed>();

  constructor(doors: OutputDoors) {
    this.#doors = doors;
  }

  /** Called by the pool for every host that comes up. Resolves with how many of the adopted it follows. */
  async greet(host: PooledHost, adopted: readonly string[], signal: AbortSignal): Promise<number> {
    const { agentEpoch, instanceId, pool } = this.#doors;
    const options = { deadlineMs: CALL_DEADLINE_MS, signal };
    const request = { agentEpoch, instanceId };
    const { launchKeys } = await call(host.host.channel, service.hello, request, options);
    for (const key of launchKeys) pool.note(key, host);
    const taken = await Promise.all(
      adopted.map(async (key) => {
        const known = this.#runs.get(key);
        if (known !== undefined) await this.#ensure(known, signal);
        else if (!this.#doors.isBeside(key)) pool.forget(key);
        return known !== undefined;
      }),
    );
    return taken.filter(Boolean).length;
  }

  /** As the driver of one task sees it. */
  doorOf(voice: TaskVoice): OutputDoor {
    return {
      follow: (run, log, signal) => this.#follow(run, log, { voice, signal }),
      settled: (run, patienceMs) => this.#settled(run, patienceMs),
      release: (run) => this.#release(run.launchKey),
    };
  }

  /** Has hosts let go of all but these. */
  async forgetOthers(current: ReadonlySet<string>): Promise<void> {
    const keys = this.#doors.pool.hosts.flatMap((host) => [...host.keys]);
    await Promise.all(keys.filter((key) => !current.has(key)).map((key) => this.#release(key)));
  }

  async #follow(
    run: RunRequest,
    log: ContainerLog,
    { voice, signal }: { readonly voice: TaskVoice; readonly signal: AbortSignal },
  ): Promise<void> {
    const { launchKey } = run;
    let followed = this.#runs.get(launchKey);
    if (followed === undefined) {
      const ending = new AbortController();
      const wish = this.#wishOf(run, log);
      followed = {
        wish,
        voice,
        ending,
        isSettled: false,
        settled: this.#listen(launchKey, ending),
      };
      this.#runs.set(launchKey, followed);
    }
    try {
      await this.#ensure(followed, AbortSignal.any([signal, followed.ending.signal]));
    } catch (error) {
      if (!signal.aborted) this.#forget(launchKey);
      throw error;
    }
  }

  #wishOf(
    { launchKey, dirs }: RunRequest,
    { endpoint, tls, containerId, isTty }: ContainerLog,
  ): Wish {
    const { stdoutFifo, stderrFifo } = dirs;
    return {
      launchKey,
      dir: runDirectory(this.#doors.stateDir, launchKey),
      stdoutFifo,
      stderrFifo,
      containerId,
      endpoint,
      tlsCert: tls?.cert ?? '',
      tlsKey: tls?.key ?? '',
      tlsCa: tls?.ca ?? '',
      isTty,
    };
  }

  /** Resolves when a host follows it. Throws what may not be tried again. */
  async #ensure({ wish }: Followed, signal: AbortSignal): Promise<void> {
    const { pool, agentEpoch } = this.#doors;
    while (!signal.aborted) {
      try {
        const { host } = await pool.place(wish.launchKey);
        const options = { deadlineMs: CALL_DEADLINE_MS, signal };
        await call(host.channel, service.follow, { ...wish, agentEpoch }, options);
        // crash point: agent.output.followed
        return;
      } catch (error) {
        if (!isRetryable(error)) throw error;
      }
      await untilNextLook(signal);
    }
    signal.throwIfAborted();
  }

  /** Tells what the host has to say until all is moved or it is released. */
  async #listen(launchKey: string, ending: AbortController): Promise<void> {
    const signal = AbortSignal.any([ending.signal, this.#doors.signal]);
    // The caller is about to have it followed.
    await untilNextLook(signal);
    for (let known = 0; !signal.aborted;) {
      try {
        const answer = await this.#ask(launchKey, known, signal);
        const followed = this.#runs.get(launchKey);
        for (const { type, message } of answer?.remarks ?? []) followed?.voice.emit(type, message);
        known = answer?.remarksSoFar ?? known;
        if (answer?.isSettled === true && followed !== undefined) {
          followed.isSettled = true;
          // Of the remarks that came last is told, too: the host counts them as known from now on.
          if (answer.remarks.length === 0) return;
          continue;
        }
      } catch (error) {
        // A host that has just come was not told of it so far.
        if (!signal.aborted && !isRetryable(error) && !HoldfastError.is(error, 'NOT_FOUND')) {
          this.#doors.logger.warn(
            { launchKey, error: messageOf(error) },
            'output is not asked for',
          );
        }
        await untilNextLook(signal);
      }
      if (this.#doors.pool.hostOf(launchKey) === undefined) await untilNextLook(signal);
    }
  }

  async #ask(launchKey: string, knownRemarks: number, signal: AbortSignal) {
    const { pool, agentEpoch } = this.#doors;
    const host = pool.hostOf(launchKey);
    if (host === undefined) return undefined;
    const request = { agentEpoch, launchKey, patienceMs: LISTEN_MS, knownRemarks };
    return call(host.host.channel, service.settle, request, { signal });
  }

  async #settled({ launchKey }: RunRequest, patienceMs: number): Promise<boolean> {
    const followed = this.#runs.get(launchKey);
    if (followed === undefined || followed.isSettled) return true;
    const over = new AbortController();
    const late = delay(patienceMs, undefined, { signal: over.signal, ref: false });
    await Promise.race([followed.settled, late.catch(() => undefined)]);
    over.abort();
    return followed.isSettled;
  }

  async #release(launchKey: string): Promise<void> {
    const { agentEpoch, pool } = this.#doors;
    const host = await pool.whereIs(launchKey);
    const options = { deadlineMs: CALL_DEADLINE_MS };
    const request = { agentEpoch, launchKey };
    // crash point: agent.output.release
    if (host !== undefined) await call(host.host.channel, service.release, request, options);
    this.#forget(launchKey);
  }

  #forget(launchKey: string): void {
    this.#runs.get(launchKey)?.ending.abort();
    this.#runs.delete(launchKey);
    this.#doors.pool.forget(launchKey);
  }
}
