/** The log collector as an actor of the agent: keeps every task's output flowing through whatever host has it. */
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, isRetryable, messageOf } from '../errors.ts';
import type { CollectWish, LogmonDoor } from '../hooks/hook.ts';
import { ensureFifo } from '../os/ensure-fifo.ts';
import { call } from '../rpc/framed-client.ts';
import { logmonMethods as service } from '../rpc/logmon-methods.ts';
import type { HostPool, HostPoolDoors, PooledHost } from './host-pool.ts';
import { untilNextLook } from './look-again.ts';

const CALL_DEADLINE_MS = 10_000;
/** Between two tries of what cannot be collected, such as FIFOs that nobody can find. */
const INSIST_MS = 2_000;
/** Ten seconds: a machine that has no room for so long is told about, and whoever wanted it decides what then. */
const PATIENT_LOOKS = 50;

interface LogmonDoors extends Pick<
  HostPoolDoors,
  'agentEpoch' | 'instanceId' | 'record' | 'logger'
> {
  readonly pool: HostPool;
  /** Aborts when the agent closes. */
  readonly signal: AbortSignal;
}

export class Logmon implements LogmonDoor {
  readonly #doors: LogmonDoors;
  readonly #pool: HostPool;
  readonly #agentEpoch: number;
  readonly #instanceId: string;
  /** What is collected now: told again to the host that replaces a dead one. */
  readonly #wishes = new Map<string, CollectWish>();
  /** Whoever releases them sees to it that they are collected first. */
  readonly #releasing = new Set<string>();
  /** Programs that run and whose output no host could collect so far. */
  readonly #failing = new Set<string>();

  constructor(doors: LogmonDoors) {
    this.#doors = doors;
    this.#pool = doors.pool;
    this.#agentEpoch = doors.agentEpoch;
    this.#instanceId = doors.instanceId;
  }

  /** Called by the pool for every host that comes up. Resolves with how many of the adopted it collects for. */
  async greet(host: PooledHost, adopted: readonly string[], signal: AbortSignal): Promise<number> {
    for (const key of (await this.#keysOf(host, signal)) ?? []) this.#pool.note(key, host);
    const at = (key: string): PooledHost => this.#pool.hostOf(key) ?? host;
    const taken = await Promise.all(adopted.map((key) => this.#hand(key, at(key), signal)));
    return taken.filter(Boolean).length;
  }

  /** For whoever reads it: `<alloc id>/<task>` as far as it is collected for this agent. */
  nameOf(taskKey: string): string {
    const wish = this.#wishes.get(taskKey);
    return wish === undefined ? taskKey : `${basename(wish.logDir)}/${wish.fileStem}`;
  }

  async #hand(key: string, host: PooledHost, signal: AbortSignal): Promise<boolean> {
    const wish = this.#wishes.get(key);
    if (wish === undefined) this.#pool.forget(key);
    if (wish === undefined) return false;
    try {
      for (let at = host; !signal.aborted && at.isLive; at = this.#pool.hostOf(key) ?? host) {
        // Whoever releases it, or wants it otherwise, asks for himself: after him this would never be released.
        if (this.#releasing.has(key) || this.#wishes.get(key) !== wish) return true;
        if (await this.#ask(at, wish, signal)) {
          this.#pool.note(key, at);
          return true;
        }
        await untilNextLook(signal);
      }
    } catch (error) {
      if (this.#wishes.get(key) === wish) void this.#insist(wish, error);
    }
    return false;
  }

  /**
   * Whom a host of an earlier agent collects for: nobody else may then. Asked until it says so: what it is to take over
   * is told afterwards. Undefined when it is gone.
   */
  async #keysOf(host: PooledHost, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const request = { agentEpoch: this.#agentEpoch, instanceId: this.#instanceId };
    const options = { deadlineMs: CALL_DEADLINE_MS, signal };
    while (!signal.aborted && host.isLive) {
      try {
        return (await call(host.host.channel, service.hello, request, options)).taskKeys;
      } catch (error) {
        if (!isRetryable(error)) throw error;
      }
      await untilNextLook(signal);
    }
    return undefined;
  }

  /** Throws what may not be tried again, and, to the impatient, that there is no room. */
  async #ask(
    host: PooledHost,
    wish: CollectWish,
    signal: AbortSignal,
    isPatient = true,
  ): Promise<boolean> {
    try {
      const request = { ...wish, agentEpoch: this.#agentEpoch };
      const options = { deadlineMs: CALL_DEADLINE_MS, signal };
      await call(host.host.channel, service.collect, request, options);
      this.#failing.delete(wish.taskKey);
      // crash point: agent.collect.answered
      return true;
    } catch (error) {
      const hasRoom = !HoldfastError.is(error, 'RESOURCES_EXHAUSTED');
      if (!isRetryable(error) || !(hasRoom || isPatient)) throw error;
      // It may open no more files, and another host may.
      if (error.details['errno'] === 'EMFILE') this.#pool.forget(wish.taskKey, host);
      if (HoldfastError.is(error, 'WRONG_STATE')) await this.#findCollector(wish.taskKey);
      return false;
    }
  }

  /** Another host collects it: one that an executor host has started, or that was told to by one. */
  async #findCollector(taskKey: string): Promise<void> {
    this.#pool.forget(taskKey);
    await this.#pool.meetOthers();
  }

  async collect(wish: CollectWish, signal: AbortSignal): Promise<void> {
    const made = [wish.stdoutFifo, wish.stderrFifo].filter(ensureFifo);
    // crash point: agent.collect.fifos
    // The host still reads the one that was there before.
    if (made.length === 0 && this.#isCollected(wish)) return;
    await this.#collect(wish, signal);
  }

  async resume(wish: CollectWish, signal: AbortSignal): Promise<void> {
    if (this.#isCollected(wish)) return;
    try {
      await this.#collect(wish, signal);
    } catch (error) {
      // A program that has ended is collected from by its cleanup, or by its next start.
      if (!signal.aborted || HoldfastError.is(error, 'TIMEOUT')) void this.#insist(wish, error);
      throw error;
    }
  }

  /** For this very run, by which every byte is told apart, and in this very way. */
  #isCollected(wish: CollectWish): boolean {
    const isAsked = JSON.stringify(this.#wishes.get(wish.taskKey)) === JSON.stringify(wish);
    if (!isAsked || this.#failing.has(wish.taskKey)) return false;
    return this.#pool.hostOf(wish.taskKey)?.isLive === true;
  }

  async #collect(wish: CollectWish, signal: AbortSignal): Promise<void> {
    this.#wishes.set(wish.taskKey, wish);
    for (let looks = 1; !signal.aborted; looks += 1) {
      const host = await this.#pool.place(wish.taskKey);
      try {
        if (await this.#ask(host, wish, signal, looks < PATIENT_LOOKS)) return;
      } catch (error) {
        // Whoever asked for it since goes on wanting it.
        if (this.#wishes.get(wish.taskKey) === wish) this.#wishes.delete(wish.taskKey);
        throw error;
      }
      await untilNextLook(signal);
    }
    signal.throwIfAborted();
  }

  /** Output that nobody collects stops its program at a full pipe: told once, and tried until somebody does. */
  async #insist(wish: CollectWish, cause: unknown): Promise<void> {
    const { taskKey } = wish;
    const { signal, logger, record } = this.#doors;
    this.#wishes.set(taskKey, wish);
    if (signal.aborted || this.#failing.has(taskKey)) return;
    this.#failing.add(taskKey);
    const child = `output of ${this.nameOf(taskKey)}`;
    const message = `nobody collects it, and it is tried again: ${messageOf(cause)}`;
    logger.error({ child, error: messageOf(cause) }, 'output is not collected, and tried again');
    record('ChildEscalated', { child, message });
    while (this.#failing.has(taskKey) && this.#wishes.has(taskKey)) {
      await delay(INSIST_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        const host = await this.#pool.place(taskKey);
        if (await this.#ask(host, wish, signal))
          logger.warn({ child }, 'output is collected again');
      } catch {
        // It was told.
      }
    }
    this.#failing.delete(taskKey);
  }

  /** Collected first: a host that has just replaced another one has nothing to release, and would leave bytes. */
  async #askToRelease(wish: CollectWish, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const { taskKey } = wish;
    const host = await this.#pool.place(taskKey);
    if (!(await this.#ask(host, wish, signal))) return false;
    try {
      const request = { agentEpoch: this.#agentEpoch, taskKey };
      await call(host.host.channel, service.release, request, { signal });
      return true;
    } catch (error) {
      if (!isRetryable(error)) throw error;
      return false;
    }
  }

  async release(taskKey: string, signal: AbortSignal): Promise<void> {
    const wish = this.#wishes.get(taskKey);
    const host = this.#pool.hostOf(taskKey);
    if (wish === undefined && host !== undefined) await this.#releaseAt(host, taskKey);
    if (wish === undefined) return;
    this.#releasing.add(taskKey);
    try {
      while (!(await this.#askToRelease(wish, signal))) {
        await untilNextLook(signal);
      }
    } catch (error) {
      // What cannot be collected will not be, now that its task is over; what waits for room its host sees to.
      if (!this.#doors.signal.aborted) this.#forget(taskKey);
      throw error;
    } finally {
      this.#releasing.delete(taskKey);
    }
    // crash point: agent.collect.released
    this.#forget(taskKey);
  }

  #forget(taskKey: string): void {
    this.#wishes.delete(taskKey);
    this.#pool.forget(taskKey);
  }

  async releaseOthers(current: ReadonlySet<string>): Promise<void> {
    const others = this.#pool.hosts.flatMap((host) =>
      [...host.keys].filter((key) => !current.has(key)).map((taskKey) => ({ host, taskKey })),
    );
    await Promise.all(others.map(({ host, taskKey }) => this.#releaseAt(host, taskKey)));
  }

  /** What an earlier agent wanted to have collected. */
  async #releaseAt(host: PooledHost, taskKey: string): Promise<void> {
    const request = { agentEpoch: this.#agentEpoch, taskKey };
    await call(host.host.channel, service.release, request, { deadlineMs: CALL_DEADLINE_MS });
    this.#pool.forget(taskKey);
  }
}
