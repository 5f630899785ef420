/** Keeps the process of a driver alive, and speaks with it: one that ends is started again, later each time. */
import { setTimeout as delay } from 'node:timers/promises';
import type { DriverAgent } from '../drivers/driver-agent.ts';
import type { DriverDoors } from '../drivers/driver.ts';
import type { RunSample, UsageQuery } from '../drivers/usage.ts';
import { HoldfastError, messageOf } from '../errors.ts';
import { driverMethods } from '../rpc/driver-methods.ts';
import { recordedEpoch } from '../rpc/epoch-guard.ts';
import { call, follow } from '../rpc/framed-client.ts';
import { hello } from '../rpc/hello.ts';
import { AgentAnswers } from './agent-answers.ts';
import { type PluginProcess, startPlugin } from './plugin-process.ts';
import type { DriverPlugin } from './plugin-driver.ts';
import { isNothing, isSample } from './sense.ts';
import { type Description, fromJson, type Given, type TaskName, toJson } from './words.ts';

interface AskOptions {
  /** Is it an answer to this call? */
  readonly sense: (value: unknown) => boolean;
  /** Null: as long as it takes. Left out: 10 s. */
  readonly deadlineMs?: number | null;
  readonly signal?: AbortSignal;
}

const CALL_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;
/** One that lived as long has not died of its start. */
const LASTING_MS = 60_000;
/** From the fifth death in a row on it is told of as one that keeps dying, and not of each death any more. */
const MANY_DEATHS = 5;
/** Nothing that it did made it end: it was refused, and what is said of it is the reason alone. */
const REFUSALS: readonly string[] = ['USAGE', 'CAPABILITY_MISSING'];

export class PluginCare {
  readonly #name: string;
  readonly #plugin: DriverPlugin;
  readonly #agent: DriverAgent;
  readonly #answers: AgentAnswers;
  readonly #closing = new AbortController();
  #process: PluginProcess | undefined;
  #description: Description | undefined;
  #trouble: string | undefined = 'it is being started';
  #generation = 0;
  /** In a row. */
  #deaths = 0;
  #change = Promise.withResolvers<void>();
  #ended: Promise<void> | undefined;

  constructor(plugin: DriverPlugin, agent: DriverAgent) {
    this.#name = plugin.name;
    this.#plugin = plugin;
    this.#agent = agent;
    this.#answers = new AgentAnswers(plugin.name, agent);
  }

  /** Of the last process that answered. */
  get description(): Description | undefined {
    return this.#description;
  }

  /** Why nothing can be asked of it now. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Of the holdfast that it imports. */
  get version(): string {
    return this.#process?.host.address.version ?? '';
  }

  /** Number of the process that is spoken with now. */
  get generation(): number {
    return this.#generation;
  }

  /** Resolves when it was tried once to start it. */
  async begin(): Promise<void> {
    const first = Promise.withResolvers<void>();
    this.#ended = this.#keep(first.resolve);
    await first.promise;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#process?.end();
    await this.#ended;
  }

  /** What the driver says of the task goes through these doors, until whatever `use` names is over. */
  remember(of: TaskName, use: string, doors: DriverDoors): void {
    this.#answers.doors.open(of, use, doors);
  }

  forget(of: TaskName, use: string): void {
    this.#answers.doors.close(of, use);
  }

  /** Resolves when it has been started or has ended since, or soon; rejects when `signal` aborts. */
  async untilChanged(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#change.promise, delay(1_000, undefined, { signal })]);
    signal.throwIfAborted();
  }

  /** Errors: those of the driver, but a bug of it is UNAVAILABLE with its name, as is an answer that makes no sense. */
  async ask<T>(name: string, given: Given, options: AskOptions): Promise<T> {
    const { signal, deadlineMs = CALL_MS } = options;
    const limits = {
      ...(deadlineMs !== null && { deadlineMs }),
      ...(signal !== undefined && { signal }),
    };
    const { host } = this.#living();
    try {
      const request = { name, given: toJson(given) };
      const { answer } = await call(host.channel, driverMethods.call, request, limits);
      const value = fromJson(answer);
      if (options.sense(value)) return value as T;
      throw new HoldfastError('UNAVAILABLE', 'its answer makes no sense');
    } catch (error) {
      throw this.#named(name, error);
    }
  }

  async *samples(launchKey: string, query: UsageQuery): AsyncGenerator<RunSample> {
    const { intervalMs, withProcesses, signal } = query;
    const request = { launchKey, intervalMs, withProcesses };
    const { channel } = this.#living().host;
    try {
      const options = signal === undefined ? {} : { signal };
      for await (const { sample } of follow(channel, driverMethods.stats, request, options)) {
        const read = fromJson(sample);
        if (!isSample(read)) throw new HoldfastError('UNAVAILABLE', 'its sample makes no sense');
        yield read as RunSample;
      }
    } catch (error) {
      throw this.#named('stats', error);
    }
  }

  #living(): PluginProcess {
    if (this.#process !== undefined && this.#trouble === undefined) return this.#process;
    throw new HoldfastError('UNAVAILABLE', `driver plugin ${this.#name}: ${this.#trouble}`);
  }

  #named(name: string, error: unknown): HoldfastError {
    const { code, message, details } = HoldfastError.from(error);
    const isBug = code === 'INTERNAL' || code === 'UNAVAILABLE' || code === 'TIMEOUT';
    if (!isBug) return new HoldfastError(code, message, { cause: error, details });
    const text = `driver plugin ${this.#name}, ${name}: ${message}`;
    return new HoldfastError('UNAVAILABLE', text, { cause: error });
  }

  /** Until the agent goes. */
  async #keep(tried: () => void): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const beganAt = performance.now();
      const failure = await this.#live(tried).then(
        (reason) => new HoldfastError('UNAVAILABLE', reason),
        (error: unknown) => HoldfastError.from(error),
      );
      if (signal.aborted) return tried();
      if (performance.now() - beganAt > LASTING_MS) this.#deaths = 0;
      this.#deaths += 1;
      const { code, message: reason } = failure;
      const deaths = this.#deaths;
      const isPlain = deaths < MANY_DEATHS || REFUSALS.includes(code);
      // Before anybody hears that it was tried: the first look at it shall tell why it failed.
      this.#note(isPlain ? reason : `it ends again and again: ${reason}`);
      tried();
      this.#agent.logger.warn(
        { driver: this.#name, path: this.#plugin.path, deaths, reason },
        'the process of a driver is not there and is started again',
      );
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (deaths - 1), LONGEST_PAUSE_MS);
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One process, from its start to its end. Resolves with why it ended. */
  async #live(tried: () => void): Promise<string> {
    const { instanceId, machineEpoch, stateDir: agentStateDir } = this.#agent;
    const agentEpoch = recordedEpoch(agentStateDir);
    const { name, path, options = {} } = this.#plugin;
    const known = { agentStateDir, name, path, options, instanceId, machineEpoch, agentEpoch };
    const started = await startPlugin(known);
    if (this.#closing.signal.aborted) started.end();
    const { hostId, pid } = started.host.address;
    this.#record('HostStarted', { hostId, kind: 'driver', pid, driver: name });
    this.#process = started;
    this.#description = started.description;
    this.#generation += 1;
    const { channel } = started.host;
    const ended = this.#answers.listen(channel, agentEpoch, this.#closing.signal);
    this.#note(undefined);
    try {
      await this.ask('open', {}, { sense: isNothing });
      tried();
      const reason = await Promise.race([ended, this.#untilMute(channel, ended)]);
      this.#lost(hostId, reason);
      return reason;
    } catch (error) {
      this.#lost(hostId, messageOf(error));
      throw error;
    } finally {
      started.end();
    }
  }

  #lost(hostId: string, reason: string): void {
    const facts = { hostId, kind: 'driver', reason, driver: this.#name } as const;
    if (!this.#closing.signal.aborted) this.#record('HostLost', facts);
  }

  /** The log is not the place for one that dies every minute for days. */
  #record(...[type, facts]: Parameters<DriverAgent['record']>): void {
    if (this.#deaths < MANY_DEATHS) this.#agent.record(type, facts);
  }

  /** One that does not even say who it is hangs: it is ended, which hurts no task. */
  async #untilMute(
    channel: PluginProcess['host']['channel'],
    ended: Promise<string>,
  ): Promise<string> {
    let isOver = false;
    void ended.then(() => (isOver = true));
    const { instanceId, stateDir } = this.#agent;
    const request = { agentEpoch: recordedEpoch(stateDir), instanceId };
    while (!isOver && !this.#closing.signal.aborted) {
      await delay(CALL_MS, undefined, { signal: this.#closing.signal, ref: false }).catch(
        () => undefined,
      );
      try {
        await hello(channel, 'driver', request, 2 * CALL_MS);
      } catch (error) {
        if (HoldfastError.is(error, 'TIMEOUT')) return 'it did not answer and was ended';
      }
    }
    return ended;
  }

  #note(trouble: string | undefined): void {
    this.#trouble = trouble;
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
    if (this.#generation > 0) this.#agent.changed();
  }
}
