/** What the entry file of a driver's package calls: answers an agent that has started it. */
import type { DriverAttachment } from '../drivers/driver-agent.ts';
import type { Driver, DriverDoors, RunRequest } from '../drivers/driver.ts';
import { HoldfastError } from '../errors.ts';
import { DRIVER_PROTOCOL, driverMethods } from '../rpc/driver-methods.ts';
import { framedService } from '../rpc/framed-server.ts';
import type { AttachResponse } from '../rpc/gen/holdfast/driver/v1/driver.ts';
import { type HostContext, runHost } from '../rpc/host-main.ts';
import type { Handlers } from '../rpc/method.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import { type OwnHosts, openOwnHosts } from './own-hosts.ts';
import { agentTo, doorsOf, loggerTo, recordTo } from './plugin-doors.ts';
import { ToldWords } from './told-words.ts';
import { type Description, fromJson, type Given, toJson } from './words.ts';

/** What an operator wants of a driver: `drivers.NAME` of the agent's options, without `enabled`. */
export type DriverOptions = Readonly<Record<string, unknown>>;

/**
 * Makes the driver that its options ask for; `ConfigReading` reads them. What it throws is what the operator is told,
 * and why the driver is unhealthy.
 */
export type MakeDriver = (options: DriverOptions) => Driver;

/**
 * Serves the driver to the agent that started this process, until that agent goes. Call it once, as the last thing of
 * an entry file; it resolves when the driver can be asked. What must outlive the process is in hosts, engines or files.
 * A driver that is given as it is has no options, and none can be given to it.
 */
export async function serveDriver(driver: Driver | MakeDriver): Promise<void> {
  await runHost('driver', DRIVER_PROTOCOL, (context) => {
    const { routes } = framedService(driverMethods, new Serving(driver, context).handlers());
    return { routes, busyWith: () => 0 };
  });
}

class Serving {
  readonly #made: Driver | MakeDriver;
  readonly #context: HostContext;
  readonly #told = new ToldWords();
  #served: Driver | undefined;
  #hosts: Promise<OwnHosts> | undefined;
  #attachment: DriverAttachment | undefined;

  constructor(made: Driver | MakeDriver, context: HostContext) {
    this.#made = made;
    this.#context = context;
  }

  handlers(): Handlers<typeof driverMethods> {
    const { hostId, version } = this.#context;
    const own = { hostId, version, protocol: DRIVER_PROTOCOL, pid: process.pid };
    return {
      hello: ({ options }) => ({ ...own, ...this.#introduce(options) }),
      attach: ({ agentEpoch }, signal) => this.#attach(agentEpoch, signal),
      answer: ({ id, answer }) => {
        this.#told.answered(id, answer);
        return {};
      },
      call: async ({ name, given }, signal) => {
        return { answer: toJson(await this.#call(name, fromJson(given) as Given, signal)) };
      },
      stats: (request, signal) => this.#samples(request, signal),
    };
  }

  /** Whoever asks without options wants no driver, only to know who answers. */
  #introduce(options: Uint8Array): { description: Buffer; tookOptions: boolean } {
    const tookOptions = typeof this.#made === 'function';
    if (options.length === 0 && tookOptions && this.#served === undefined) {
      return { description: Buffer.alloc(0), tookOptions };
    }
    if (this.#served === undefined) {
      const wanted = (options.length === 0 ? {} : fromJson(options)) as DriverOptions;
      this.#served = typeof this.#made === 'function' ? this.#made(wanted) : this.#made;
    }
    return { description: toJson(describe(this.#served)), tookOptions };
  }

  get #driver(): Driver {
    if (this.#served !== undefined) return this.#served;
    throw new HoldfastError('WRONG_STATE', 'it has not been greeted yet');
  }

  /** At once: the calls that come right behind it need what it opens. */
  #attach(agentEpoch: number, signal: AbortSignal): AsyncGenerator<AttachResponse> {
    const { stateDir, instanceId, machineEpoch, tasksPerHost } = this.#context;
    if (this.#hosts !== undefined) throw new HoldfastError('WRONG_STATE', 'it has an agent');
    const logger = loggerTo(this.#told);
    const perHost = Number.isFinite(tasksPerHost) ? tasksPerHost : 256;
    const record = recordTo(this.#told, logger);
    const own = { stateDir, instanceId, machineEpoch, agentEpoch, perHost, logger, record };
    this.#hosts = openOwnHosts(own);
    // Whoever asks for them hears why there are none.
    this.#hosts.catch(() => undefined);
    return this.#tellUntil(this.#hosts, signal);
  }

  async *#tellUntil(hosts: Promise<OwnHosts>, signal: AbortSignal) {
    try {
      yield* this.#told.words(signal);
    } finally {
      await this.#attachment?.close().catch(() => undefined);
      await hosts.then((own) => own.close()).catch(() => undefined);
      this.#context.end('its agent has gone');
    }
  }

  async #own(): Promise<OwnHosts> {
    if (this.#hosts === undefined) throw new HoldfastError('WRONG_STATE', 'it has no agent yet');
    return this.#hosts;
  }

  async #call(name: string, given: Given, signal: AbortSignal): Promise<unknown> {
    const driver = this.#driver;
    const { config = {}, things = [], of } = given;
    const task = given.task as TaskSpec;
    if (name === 'open') return this.#open();
    if (name === 'fingerprint') return driver.fingerprint();
    if (name === 'checkConfig') return driver.checkConfig(config);
    if (name === 'checkTask') return driver.checkTask?.(task);
    if (name === 'userOf') return driver.userOf?.(task);
    if (name === 'ownEnv') return (await driver.ownEnv?.(task)) ?? {};
    const hosts = await this.#own();
    if (name === 'sessionHost') return hosts.hostOf(given.launchKey ?? '');
    const doors = doorsOf(given, this.#context, hosts, this.#told);
    if (name === 'cleanUp' && of !== undefined) {
      return driver.cleanUp?.(things, of, doors, signal);
    }
    const { run } = given;
    if (run !== undefined) return this.#ofRun(name, run, given, doors, signal);
    throw new HoldfastError('CAPABILITY_MISSING', `a driver of this version has no ${name}`);
  }

  async #ofRun(
    name: string,
    run: RunRequest,
    { plan = [], signal: wanted = '', wish }: Given,
    doors: DriverDoors,
    signal: AbortSignal,
  ): Promise<unknown> {
    const driver = this.#driver;
    if (name === 'inspect') return driver.inspect(run, doors);
    if (name === 'start') return driver.start(run, doors, signal);
    if (name === 'adopt') return driver.adopt(run, doors, signal);
    if (name === 'wait') return driver.wait(run, doors, signal);
    if (name === 'stop') return driver.stop(run, plan, doors, signal);
    if (name === 'signal') return driver.signal(run, wanted, doors);
    if (name === 'release') return driver.release(run, doors);
    if (name === 'openSession' && wish !== undefined && driver.openSession !== undefined) {
      return driver.openSession(run, wish, await this.#own());
    }
    throw new HoldfastError('CAPABILITY_MISSING', `a driver of this version has no ${name}`);
  }

  /** The driver's own part of attaching, once. */
  async #open(): Promise<void> {
    const { clock } = await this.#own();
    const agent = agentTo(this.#told, this.#context, loggerTo(this.#told), clock);
    this.#attachment ??= await this.#driver.attach?.(agent);
  }

  async *#samples(
    request: { launchKey: string; intervalMs: number; withProcesses: boolean },
    signal: AbortSignal,
  ) {
    const { launchKey, intervalMs, withProcesses } = request;
    const { usage } = await this.#own();
    const query = { intervalMs, withProcesses, signal };
    if (this.#driver.stats === undefined) {
      throw new HoldfastError('CAPABILITY_MISSING', 'this driver cannot tell what runs use');
    }
    for await (const sample of this.#driver.stats(launchKey, query, { usage })) {
      yield { sample: toJson(sample) };
    }
  }
}

function describe(driver: Driver): Description {
  const { name, apiVersion, mounts = 'none', networks = 'machine' } = driver;
  const bare = { name: '', driver: name, config: {} } as unknown as TaskSpec;
  const root = driver.rootOf?.(bare) ?? 'machine';
  return { name, apiVersion, mounts, networks, root, sessions: driver.openSession !== undefined };
}
