/** What is left over at a real engine, among much that is none of ours. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ownLabels } from '../../src/drivers/docker/container-body.ts';
import { docker } from '../../src/drivers/docker/docker.ts';
import type { DockerDriverOptions } from '../../src/drivers/docker/options.ts';
import type { DriverAgent } from '../../src/drivers/driver-agent.ts';
import { dockerEngine } from '../../src/engine/docker-engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { launchKey, markOf } from '../../src/os/launch-key.ts';
import { silentLogger } from '../../src/ports.ts';
import { FakeClock } from '../../src/testing/index.ts';
import { runRequest } from '../drivers/run-request.ts';
import { EngineRig, IMAGE, whyNoEngine } from './engine-rig.ts';

const missing = whyNoEngine();
const MINE = 'mine';

describe.skipIf(missing !== undefined)(`leftovers at an engine ${missing ?? ''}`, () => {
  let rig: EngineRig;

  beforeAll(async () => {
    rig = await EngineRig.open();
  });
  afterAll(() => rig.close());

  let runs = 0;

  function newKey(): string {
    runs += 1;
    return launchKey('a1', 'web', runs, 'token');
  }

  async function made(
    key: string,
    wish: { name?: string; instanceId?: string; lasts?: boolean; isRunning?: boolean } = {},
  ): Promise<string> {
    const { name = `holdfast-${key}`, instanceId = MINE, lasts = true, isRunning = true } = wish;
    const mark = markOf(instanceId, key);
    const engine = dockerEngine(rig);
    await engine.createContainer(name, {
      Image: IMAGE,
      Cmd: lasts ? ['sleep', '1000'] : ['true'],
      Labels: ownLabels({ ...runRequest('docker', {}, 1), mark }, instanceId),
    });
    if (isRunning) await engine.startContainer(name);
    if (isRunning && !lasts) await engine.waitContainer(name, new AbortController().signal);
    return name;
  }

  /** An agent that knows these runs, and the sweeps that its driver makes; counted by what the engine was asked. */
  async function sweeping(known: ReadonlySet<string>, options: DockerDriverOptions = {}) {
    const clock = new FakeClock();
    const stateDir = mkdtempSync(join(tmpdir(), 'hf-sweep-'));
    const recorded: string[] = [];
    let lists = 0;
    let isAway = false;
    let isClosed = false;
    const pending = new Set<Promise<unknown>>();
    const real = dockerEngine(rig);
    const engine = new Proxy(real, {
      get(of, name: keyof Engine) {
        if (name !== 'listContainers' && name !== 'removeContainer') return of[name];
        return async (...args: never[]) => {
          if (name === 'listContainers') lists += 1;
          if (isAway) throw new Error('away');
          const call = (of[name] as (...args: never[]) => Promise<unknown>).apply(of, args);
          pending.add(call);
          return call;
        };
      },
    });
    const agent: DriverAgent = {
      instanceId: MINE,
      machineEpoch: 'e1',
      logger: silentLogger,
      clock,
      stateDir,
      recovered: Promise.resolve(),
      isKnown: (key) => known.has(key),
      record: (type, facts) => {
        const { name, verdict } = facts as unknown as { name: string; verdict: string };
        recorded.push(`${type} ${verdict} ${name}`);
      },
      changed: () => undefined,
      count: () => undefined,
    };
    const driver = docker({ endpoint: rig.endpoint, ...options }, async () => {
      return new Proxy(engine, {
        get: (of, name: keyof Engine) =>
          name === 'version' || name === 'info' ? real[name].bind(real) : of[name],
      });
    });
    const attachment = await driver.attach?.(agent);
    onTestFinished(async () => {
      await attachment?.close();
      rmSync(stateDir, { recursive: true });
    });
    const settle = async (): Promise<void> => {
      let size = -1;
      // A sweep is over when it waits for its next time.
      while (size !== pending.size || (!isClosed && clock.waiting === 0 && lists > 0)) {
        size = pending.size;
        await Promise.allSettled(pending);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    return {
      driver,
      stateDir,
      recorded,
      lists: () => lists,
      away: (is: boolean) => void (isAway = is),
      async fingerprint() {
        await driver.fingerprint();
        await clock.advance(0);
        await settle();
      },
      async period() {
        await clock.advance('5m');
        await settle();
      },
      async close() {
        isClosed = true;
        await attachment?.close();
      },
    };
  }

  async function clear(): Promise<void> {
    const engine = dockerEngine(rig);
    for (const name of rig.names())
      await engine.removeContainer(name, { force: true, volumes: true });
  }

  it('are removed in whatever state they are, and nothing else is', async () => {
    onTestFinished(clear);
    const leftovers = [
      await made(newKey()),
      await made(newKey(), { lasts: false }),
      await made(newKey(), { isRunning: false }),
    ];
    const key = newKey();
    const withFiles = newKey();
    const others = [
      await made(key),
      await made(withFiles),
      await made(newKey(), { instanceId: 'yours' }),
      await made(newKey(), { instanceId: `${MINE}2` }),
      await made(newKey(), { name: 'somebodys' }),
      rig.docker('run', '--detach', '--name', `holdfast-${newKey()}`, IMAGE, 'sleep', '1000') &&
        `holdfast-${launchKey('a1', 'web', runs, 'token')}`,
    ];
    const agent = await sweeping(new Set([key]));
    mkdirSync(join(agent.stateDir, 'run', withFiles), { recursive: true });
    await agent.fingerprint();
    expect(agent.lists()).toBe(1);
    expect(rig.names().toSorted()).toEqual([...leftovers, ...others].toSorted());
    await agent.fingerprint();
    expect(agent.lists()).toBe(1);
    await agent.period();
    expect(agent.lists()).toBe(2);
    expect(rig.names().toSorted()).toEqual(others.toSorted());
    expect(agent.recorded.toSorted()).toEqual(
      leftovers.map((name) => `DriverLeftoverFound remove ${name}`).toSorted(),
    );
    await agent.period();
    expect(agent.recorded).toHaveLength(3);
    expect(rig.names().toSorted()).toEqual(others.toSorted());
  });

  it('are only told of, once, when the operator wants no more', async () => {
    onTestFinished(clear);
    const name = await made(newKey());
    const agent = await sweeping(new Set(), { gc: { danglingContainers: { dryRun: true } } });
    await agent.fingerprint();
    for (let sweep = 0; sweep < 3; sweep += 1) await agent.period();
    expect(agent.recorded).toEqual([`DriverLeftoverFound keep ${name}`]);
    expect(rig.names()).toEqual([name]);
  });

  it('are nobody’s business when the operator says so', async () => {
    onTestFinished(clear);
    const name = await made(newKey());
    const agent = await sweeping(new Set(), { gc: { danglingContainers: { enabled: false } } });
    await agent.fingerprint();
    await agent.period();
    expect([agent.lists(), agent.recorded, rig.names()]).toEqual([0, [], [name]]);
  });

  it('stay with what has ended when that is kept, and go when they live', async () => {
    onTestFinished(clear);
    const ended = await made(newKey(), { lasts: false });
    const living = await made(newKey());
    const agent = await sweeping(new Set(), { gc: { container: false } });
    await agent.fingerprint();
    await agent.period();
    expect(rig.names()).toEqual([ended]);
    expect(agent.recorded).toEqual([`DriverLeftoverFound remove ${living}`]);
  });

  it('wait for an engine that is away, and are said once', async () => {
    onTestFinished(clear);
    const name = await made(newKey());
    const agent = await sweeping(new Set());
    await agent.fingerprint();
    agent.away(true);
    await agent.period();
    expect([agent.recorded, rig.names()]).toEqual([[], [name]]);
    agent.away(false);
    await agent.period();
    expect([agent.recorded, rig.names()]).toEqual([[`DriverLeftoverFound remove ${name}`], []]);
  });

  it('are left alone by an agent that went away', async () => {
    onTestFinished(clear);
    const name = await made(newKey());
    const agent = await sweeping(new Set());
    await agent.fingerprint();
    await agent.close();
    await agent.period();
    expect([agent.lists(), agent.recorded, rig.names()]).toEqual([1, [], [name]]);
  });
});
