/** An agent that knows certain runs, and the sweeps that its driver makes; counted by what the engine was asked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { docker } from '../../src/drivers/docker/docker.ts';
import type { DockerDriverOptions } from '../../src/drivers/docker/options.ts';
import type { DriverAgent, DriverAttachment } from '../../src/drivers/driver-agent.ts';
import type { Driver } from '../../src/drivers/driver.ts';
import { dockerEngine } from '../../src/engine/docker-engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { silentLogger } from '../../src/ports.ts';
import { FakeClock } from '../../src/testing/index.ts';
import type { EngineRig } from './engine-rig.ts';

interface SweepWish {
  readonly instanceId: string;
  /** Launch keys; asked anew each time. */
  readonly known: ReadonlySet<string>;
  readonly options?: DockerDriverOptions;
  /** What the driver is told of each container, in the place of what there is. */
  readonly listed?: Engine['listContainers'];
}

export class Sweeping {
  readonly stateDir = mkdtempSync(join(tmpdir(), 'hf-sweep-'));
  readonly recorded: string[] = [];
  readonly driver: Driver;
  /** How often the engine was asked what there is. */
  lists = 0;
  isAway = false;
  readonly #clock = new FakeClock();
  readonly #pending = new Set<Promise<unknown>>();
  #attachment: DriverAttachment | undefined;
  #isClosed = false;

  private constructor(rig: EngineRig, { options, listed }: SweepWish) {
    const real = dockerEngine(rig);
    const engine = new Proxy(real, {
      get: (of, name: keyof Engine) => {
        const found = of[name];
        if (typeof found !== 'function') return found;
        const call = (name === 'listContainers' ? listed : undefined) ?? found.bind(of);
        if (name !== 'listContainers' && name !== 'removeContainer') return call;
        return (...args: never[]) => this.#watched(name, call, args);
      },
    });
    this.driver = docker({ endpoint: rig.endpoint, ...options }, async () => engine);
  }

  static async open(rig: EngineRig, wish: SweepWish): Promise<Sweeping> {
    const sweeping = new Sweeping(rig, wish);
    sweeping.#attachment = await sweeping.driver.attach?.(sweeping.#agent(wish));
    return sweeping;
  }

  /** The first one that finds the engine well begins the sweeps. */
  async fingerprint(): Promise<void> {
    await this.driver.fingerprint();
    await this.#clock.advance(0);
    await this.#settle();
  }

  /** Until the next sweep is over. */
  async period(): Promise<void> {
    await this.#clock.advance('5m');
    await this.#settle();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#attachment?.close();
  }

  async end(): Promise<void> {
    await this.close();
    rmSync(this.stateDir, { recursive: true });
  }

  async #watched(name: string, call: AnyCall, args: never[]): Promise<unknown> {
    if (name === 'listContainers') this.lists += 1;
    if (this.isAway) throw new Error('away');
    const answer = call(...args);
    this.#pending.add(answer);
    return answer;
  }

  #agent({ instanceId, known }: SweepWish): DriverAgent {
    return {
      instanceId,
      machineEpoch: 'e1',
      logger: silentLogger,
      clock: this.#clock,
      stateDir: this.stateDir,
      recovered: Promise.resolve(),
      isKnown: (key) => known.has(key),
      record: (type, facts) => {
        const { name, verdict } = facts as unknown as { name: string; verdict: string };
        this.recorded.push(`${type} ${verdict} ${name}`);
      },
      changed: () => undefined,
      count: () => undefined,
    };
  }

  async #settle(): Promise<void> {
    let size = -1;
    // A sweep is over when it waits for its next time.
    while (
      size !== this.#pending.size ||
      (!this.#isClosed && this.#clock.waiting === 0 && this.lists > 0)
    ) {
      size = this.#pending.size;
      await Promise.allSettled(this.#pending);
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#pending.clear();
  }
}

type AnyCall = (...args: never[]) => Promise<unknown>;
