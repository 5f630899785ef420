/** The log collector as an actor of the agent: keeps every task's output flowing through whatever host has it. */
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, isRetryable } from '../errors.ts';
import type { CollectWish, LogmonDoor } from '../hooks/hook.ts';
import { makeFifo } from '../os/libc.ts';
import { call } from '../rpc/framed-client.ts';
import { logmonMethods as service } from '../rpc/logmon-methods.ts';
import type { HostPool, PooledHost } from './host-pool.ts';

const CALL_DEADLINE_MS = 10_000;
const LOOK_AGAIN_MS = 200;

export class Logmon implements LogmonDoor {
  readonly #pool: HostPool;
  readonly #agentEpoch: number;
  readonly #instanceId: string;
  /** What is collected now: told again to the host that replaces a dead one. */
  readonly #wishes = new Map<string, CollectWish>();
  /** Whoever releases them sees to it that they are collected first. */
  readonly #releasing = new Set<string>();

  constructor(pool: HostPool, agent: { agentEpoch: number; instanceId: string }) {
    this.#pool = pool;
    this.#agentEpoch = agent.agentEpoch;
    this.#instanceId = agent.instanceId;
  }

  /** Called by the pool for every host that comes up. */
  async greet(host: PooledHost, adopted: readonly string[], signal: AbortSignal): Promise<void> {
    for (const key of (await this.#keysOf(host, signal)) ?? []) this.#pool.note(key, host);
    await Promise.all(
      adopted.map(async (key) => {
        const wish = this.#wishes.get(key);
        if (wish === undefined) return this.#pool.forget(key);
        if (this.#releasing.has(key)) return;
        while (!signal.aborted && host.isLive) {
          if (await this.#ask(host, wish, signal)) return;
          await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
        }
      }),
    );
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
      await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
    return undefined;
  }

  async #ask(host: PooledHost, wish: CollectWish, signal: AbortSignal): Promise<boolean> {
    try {
      const request = { ...wish, agentEpoch: this.#agentEpoch };
      const options = { deadlineMs: CALL_DEADLINE_MS, signal };
      await call(host.host.channel, service.collect, request, options);
      // crash point: agent.collect.answered
      return true;
    } catch (error) {
      if (isRetryable(error)) return false;
      throw error;
    }
  }

  async collect(wish: CollectWish, signal: AbortSignal): Promise<void> {
    if (this.#wishes.has(wish.taskKey) && this.#pool.hostOf(wish.taskKey)?.isLive === true) return;
    ensureFifo(wish.stdoutFifo);
    ensureFifo(wish.stderrFifo);
    // crash point: agent.collect.fifos
    this.#wishes.set(wish.taskKey, wish);
    while (!signal.aborted) {
      const host = await this.#pool.place(wish.taskKey);
      if (await this.#ask(host, wish, signal)) return;
      await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
    signal.throwIfAborted();
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
    if (wish === undefined) return;
    this.#releasing.add(taskKey);
    try {
      while (!(await this.#askToRelease(wish, signal))) {
        await delay(LOOK_AGAIN_MS, undefined, { signal });
      }
    } finally {
      this.#releasing.delete(taskKey);
    }
    // crash point: agent.collect.released
    this.#wishes.delete(taskKey);
    this.#pool.forget(taskKey);
  }

  async releaseOthers(current: ReadonlySet<string>): Promise<void> {
    const others = this.#pool.hosts.flatMap((host) =>
      [...host.keys].filter((key) => !current.has(key)).map((taskKey) => ({ host, taskKey })),
    );
    await Promise.all(
      others.map(async ({ host, taskKey }) => {
        const request = { agentEpoch: this.#agentEpoch, taskKey };
        await call(host.host.channel, service.release, request, { deadlineMs: CALL_DEADLINE_MS });
        this.#pool.forget(taskKey);
      }),
    );
  }
}

/** Made once and shared by all runs of the task: one that is there is ours, as the directory is the agent's own. */
function ensureFifo(path: string): void {
  try {
    makeFifo(path);
  } catch (error) {
    if (!HoldfastError.is(error, 'ALREADY_EXISTS')) throw error;
  }
}
