/** What runs use, from the hosts that have them: those that are asked for together share one call of their host. */
import type { RunSample, UsageDoor, UsageQuery } from '../drivers/usage.ts';
import { HoldfastError, isRetryable } from '../errors.ts';
import { executorMethods as service } from '../rpc/executor-methods.ts';
import { follow } from '../rpc/framed-client.ts';
import type { RunUsage, StatsResponse } from '../rpc/gen/holdfast/executor/v1/executor.ts';
import type { HostPool, PooledHost } from './host-pool.ts';
import { untilNextLook } from './look-again.ts';

/** Until a run whose host was lost is looked for again. */

interface Listener {
  readonly key: string;
  readonly hear: (sample: RunSample) => void;
  /** The call has ended, with or without an error. */
  readonly end: (error?: HoldfastError) => void;
}

/** Listeners of one call. */
interface Party {
  readonly listeners: Set<Listener>;
  readonly left: AbortController;
}

export class UsageFeed implements UsageDoor {
  readonly #pool: HostPool;
  readonly #agentEpoch: number;
  /** Calls that are about to be made, at the end of this turn. */
  readonly #gathering = new Map<string, Party>();

  constructor(pool: HostPool, agentEpoch: number) {
    this.#pool = pool;
    this.#agentEpoch = agentEpoch;
  }

  async *follow(launchKey: string, query: UsageQuery): AsyncGenerator<RunSample> {
    const { signal } = query;
    const isOver = (): boolean => signal?.aborted === true;
    while (!isOver()) {
      const host = this.#pool.hostOf(launchKey);
      try {
        if (host?.isLive === true) yield* this.#listen(host, launchKey, query);
      } catch (error) {
        if (!isRetryable(error)) throw error;
      }
      if (isOver()) return;
      await untilNextLook(signal);
    }
  }

  async *#listen(host: PooledHost, key: string, query: UsageQuery): AsyncGenerator<RunSample> {
    let newest: RunSample | undefined;
    let end: { error?: HoldfastError } | undefined;
    let wake = (): void => undefined;
    const listener: Listener = {
      key,
      hear: (sample) => {
        newest = sample;
        wake();
      },
      end: (error) => {
        end = error === undefined ? {} : { error };
        wake();
      },
    };
    const leave = this.#join(host, listener, query);
    const onAbort = (): void => listener.end();
    query.signal?.addEventListener('abort', onAbort);
    try {
      for (;;) {
        const sample: RunSample | undefined = newest;
        newest = undefined;
        if (end?.error !== undefined) throw end.error;
        if (end !== undefined) return;
        if (sample !== undefined) yield sample;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      leave();
      query.signal?.removeEventListener('abort', onAbort);
    }
  }

  #join(host: PooledHost, listener: Listener, query: UsageQuery): () => void {
    const id = `${host.id} ${query.intervalMs} ${query.withProcesses}`;
    const party = this.#gathering.get(id) ?? {
      listeners: new Set<Listener>(),
      left: new AbortController(),
    };
    party.listeners.add(listener);
    if (!this.#gathering.has(id)) {
      this.#gathering.set(id, party);
      setImmediate(() => {
        this.#gathering.delete(id);
        void this.#serve(host, party, query);
      });
    }
    return () => {
      party.listeners.delete(listener);
      if (party.listeners.size === 0) party.left.abort();
    };
  }

  async #serve(host: PooledHost, { listeners, left }: Party, query: UsageQuery): Promise<void> {
    const { intervalMs, withProcesses } = query;
    const launchKeys = [...new Set([...listeners].map(({ key }) => key))];
    const request = { agentEpoch: this.#agentEpoch, intervalMs, launchKeys, withProcesses };
    const newest = new Map<string, RunUsage>();
    let failure: HoldfastError | undefined;
    try {
      const options = { signal: left.signal };
      for await (const message of follow(host.host.channel, service.stats, request, options)) {
        for (const usage of message.runs) newest.set(usage.launchKey, usage);
        const same = message.unchanged.map((place) => launchKeys[place] ?? '');
        const told = new Set([...message.runs.map(({ launchKey }) => launchKey), ...same]);
        tell(listeners, message, (key) => (told.has(key) ? newest.get(key) : undefined));
      }
    } catch (error) {
      failure = HoldfastError.from(error);
    }
    for (const listener of listeners) listener.end(failure);
  }
}

function tell(
  listeners: ReadonlySet<Listener>,
  message: StatsResponse,
  usageOf: (launchKey: string) => RunUsage | undefined,
): void {
  for (const listener of listeners) {
    const usage = usageOf(listener.key);
    if (usage !== undefined) listener.hear(toSample(message, usage));
  }
}

function toSample({ atMs, monotonicMs }: StatsResponse, usage: RunUsage): RunSample {
  const { cpu, memory, readBytes, writeBytes, processes, threads, eachProcess } = usage;
  return {
    atMs,
    monotonicMs,
    cpu: cpu ?? { totalNs: 0, userNs: 0, systemNs: 0 },
    memory: memory ?? {},
    io: { readBytes, writeBytes },
    processCount: processes,
    threadCount: threads,
    processes: eachProcess,
  };
}
