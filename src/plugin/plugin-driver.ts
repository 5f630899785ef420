/**
 * A driver whose code is in a process and a package of its own. The agent sees a driver like any other: what is asked
 * while its process is not there is UNAVAILABLE, and a wait goes on with the next process.
 */
import type { DriverAgent, DriverAttachment } from '../drivers/driver-agent.ts';
import type { Driver, DriverDoors, RunOutcome, RunRequest } from '../drivers/driver.ts';
import type { SessionHostPlace, SessionWish } from '../drivers/session.ts';
import type { RunSample, UsageQuery } from '../drivers/usage.ts';
import { HoldfastError } from '../errors.ts';
import { decideStart } from '../machines/start-decision.ts';
import { PluginCare } from './plugin-care.ts';
import { pluginDirectory } from './plugin-process.ts';
import * as sense from './sense.ts';
import type { Given } from './words.ts';

export interface DriverPlugin {
  /** As specs say it, and as the driver names itself. */
  readonly name: string;
  /** Absolute path of the entry file, which calls `serveDriver`. */
  readonly path: string;
  /** What the operator wants of it: JSON, for the driver to understand. Left out: nothing. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** For the whole of what a task has left; what is not done then is asked for again. */
const CLEAN_UP_MS = 300_000;
/** Beside the waits of its plan: for the proof that nothing lives. */
const STOP_MARGIN_MS = 30_000;
/** In the place of a run: no launch key has a dash. */
const CLEANING = 'clean-up';

/** Throws USAGE for a name or a path that cannot be one. */
export function pluginDriver(plugin: DriverPlugin): Driver {
  const { name, path } = plugin;
  if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(name) || !path.startsWith('/')) {
    const text = `driver plugin ${name}: a name of up to 32 of a-z, 0-9, _ and -, an absolute path`;
    throw new HoldfastError('USAGE', text);
  }
  return new PluginDriver(plugin);
}

class PluginDriver implements Driver {
  readonly name: string;
  readonly apiVersion = 1;
  readonly #plugin: DriverPlugin;
  /** Runs that this agent started or adopted, and the process of the driver that knows of it. */
  readonly #own = new Map<string, number>();
  #care: PluginCare | undefined;
  #stateDir = '';

  constructor(plugin: DriverPlugin) {
    this.name = plugin.name;
    this.#plugin = plugin;
  }

  get mounts(): 'none' | 'all' {
    return this.#care?.description?.mounts ?? 'none';
  }

  get networks(): 'machine' | 'group' {
    return this.#care?.description?.networks ?? 'machine';
  }

  async attach(agent: DriverAgent): Promise<DriverAttachment> {
    const care = new PluginCare(this.#plugin, agent);
    this.#care = care;
    this.#stateDir = pluginDirectory({ agentStateDir: agent.stateDir, name: this.name });
    await care.begin();
    return { close: () => care.close() };
  }

  async fingerprint() {
    const care = this.#asked();
    const { trouble } = care;
    if (trouble !== undefined) {
      return { health: 'unhealthy', message: trouble, attributes: {} } as const;
    }
    const print = await care.ask<Awaited<ReturnType<Driver['fingerprint']>>>(
      'fingerprint',
      {},
      {
        sense: sense.isPrint,
      },
    );
    return { ...print, attributes: { ...print.attributes, 'plugin.version': care.version } };
  }

  checkConfig(config: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#asked().ask('checkConfig', { config }, { sense: sense.isNothing });
  }

  checkTask(task: RunRequest['task']): Promise<void> {
    return this.#asked().ask('checkTask', { task }, { sense: sense.isNothing });
  }

  userOf(task: RunRequest['task']): Promise<string | undefined> {
    return this.#asked().ask('userOf', { task }, { sense: sense.isUser });
  }

  ownEnv(task: RunRequest['task']): ReturnType<NonNullable<Driver['ownEnv']>> {
    return this.#asked().ask('ownEnv', { task }, { sense: sense.isEnv });
  }

  rootOf(): 'machine' | 'task' {
    return this.#care?.description?.root ?? 'machine';
  }

  inspect(run: RunRequest, doors: DriverDoors): ReturnType<Driver['inspect']> {
    return this.#ofRun('inspect', run, doors, { sense: sense.isSighting });
  }

  async start(run: RunRequest, doors: DriverDoors, signal: AbortSignal) {
    const of = this.#asked().generation;
    const options = { sense: sense.isStart, deadlineMs: null, signal };
    type Outcome = Awaited<ReturnType<Driver['start']>>;
    const outcome = await this.#ofRun<Outcome>('start', run, doors, options);
    if (outcome.kind === 'started') this.#own.set(run.launchKey, of);
    return outcome;
  }

  isOwn(run: RunRequest): boolean {
    return this.#own.has(run.launchKey);
  }

  async adopt(run: RunRequest, doors: DriverDoors, signal: AbortSignal): Promise<boolean> {
    const of = this.#asked().generation;
    const options = { sense: sense.isFlag, deadlineMs: 30_000, signal };
    const isWatched = await this.#ofRun<boolean>('adopt', run, doors, options);
    this.#own.set(run.launchKey, of);
    return isWatched;
  }

  /** The process of the driver may be another one by now, which is told of the run first. */
  async wait(run: RunRequest, doors: DriverDoors, signal: AbortSignal): Promise<RunOutcome> {
    for (;;) {
      try {
        const known = await this.#knownEnd(run, doors, signal);
        if (known !== undefined) return known;
        const options = { sense: sense.isEnd, deadlineMs: null, signal };
        return await this.#ofRun<RunOutcome>('wait', run, doors, options);
      } catch (error) {
        signal.throwIfAborted();
        if (!HoldfastError.is(error) || !error.retryable) throw error;
        await this.#asked().untilChanged(signal);
      }
    }
  }

  /** Of a run that the process of the driver has not heard of: how it ended, or it is adopted. */
  async #knownEnd(
    run: RunRequest,
    doors: DriverDoors,
    signal: AbortSignal,
  ): Promise<RunOutcome | undefined> {
    const of = this.#own.get(run.launchKey);
    if (of === undefined || of === this.#asked().generation) return undefined;
    const { outcome } = await this.inspect(run, doors);
    if (outcome !== undefined) return outcome;
    if (await this.adopt(run, doors, signal)) return undefined;
    const after = await this.inspect(run, doors);
    const verdict = decideStart('started', after.evidence);
    if (after.outcome !== undefined) return after.outcome;
    if (verdict.act === 'recordLost') return { ...verdict, kind: 'lost' };
    throw new HoldfastError('UNAVAILABLE', `what became of the run is not known yet`);
  }

  stop(
    run: RunRequest,
    plan: Parameters<Driver['stop']>[1],
    doors: DriverDoors,
    signal: AbortSignal,
  ): ReturnType<Driver['stop']> {
    const deadlineMs = plan.reduce((sum, step) => sum + step.waitMs, STOP_MARGIN_MS);
    return this.#ofRun('stop', run, doors, { sense: sense.isStop, deadlineMs, signal }, { plan });
  }

  signal(run: RunRequest, signal: string, doors: DriverDoors): Promise<boolean> {
    return this.#ofRun('signal', run, doors, { sense: sense.isFlag }, { signal });
  }

  async release(run: RunRequest, doors: DriverDoors): Promise<void> {
    this.#own.delete(run.launchKey);
    try {
      await this.#ofRun('release', run, doors, { sense: sense.isNothing });
    } finally {
      const of = { allocId: run.allocId, task: run.task.name };
      this.#asked().forget(of, run.launchKey);
    }
  }

  async cleanUp(...[things, of, doors, signal]: Parameters<NonNullable<Driver['cleanUp']>>) {
    const given = { things, of, ...told(doors) };
    const care = this.#asked();
    const task = { allocId: of.allocId, task: of.task.name };
    care.remember(task, CLEANING, doors);
    const options = { sense: sense.isNothing, deadlineMs: CLEAN_UP_MS, signal };
    try {
      await care.ask<void>('cleanUp', given, options);
    } finally {
      care.forget(task, CLEANING);
    }
  }

  async openSession(run: RunRequest, wish: SessionWish): Promise<void> {
    const care = this.#asked();
    if (care.description?.sessions !== true) {
      const text = `driver ${this.name} cannot run commands beside its tasks`;
      throw new HoldfastError('CAPABILITY_MISSING', text);
    }
    await care.ask<void>('openSession', { run, wish }, { sense: sense.isNothing });
  }

  async sessionHost(launchKey: string): Promise<SessionHostPlace | undefined> {
    const care = this.#asked();
    // Whoever has not heard of the run is not asked.
    if (!this.#own.has(launchKey) || care.description?.sessions !== true) return undefined;
    const options = { sense: sense.isHostId };
    const hostId = await care.ask<string | null | undefined>('sessionHost', { launchKey }, options);
    return hostId === undefined || hostId === null
      ? undefined
      : { stateDir: this.#stateDir, hostId };
  }

  stats(launchKey: string, query: UsageQuery): AsyncIterable<RunSample> {
    return this.#asked().samples(launchKey, query);
  }

  #asked(): PluginCare {
    if (this.#care !== undefined) return this.#care;
    throw new HoldfastError('UNAVAILABLE', `driver plugin ${this.name} has not been started yet`);
  }

  #ofRun<T>(
    name: string,
    run: RunRequest,
    doors: DriverDoors,
    options: Parameters<PluginCare['ask']>[2],
    more: Given = {},
  ): Promise<T> {
    const care = this.#asked();
    care.remember({ allocId: run.allocId, task: run.task.name }, run.launchKey, doors);
    return care.ask<T>(name, { run, ...told(doors), ...more }, options);
  }
}

function told({ task, holdings }: DriverDoors): Given {
  return { labels: task.labels, holdings: holdings.current() };
}
