/** What is left over at a real engine, among much that is none of ours. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ownLabels } from '../../src/drivers/docker/container-body.ts';
import type { DockerDriverOptions } from '../../src/drivers/docker/options.ts';
import { dockerEngine } from '../../src/engine/docker-engine.ts';
import { launchKey, markOf } from '../../src/os/launch-key.ts';
import { runRequest } from '../drivers/run-request.ts';
import { EngineRig, IMAGE, whyNoEngine } from './engine-rig.ts';
import { Sweeping } from './sweeping.ts';

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

  async function sweeping(known: ReadonlySet<string>, options: DockerDriverOptions = {}) {
    const agent = await Sweeping.open(rig, { instanceId: MINE, known, options });
    onTestFinished(() => agent.end());
    return agent;
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
    expect(agent.lists).toBe(1);
    expect(rig.names().toSorted()).toEqual([...leftovers, ...others].toSorted());
    await agent.fingerprint();
    expect(agent.lists).toBe(1);
    await agent.period();
    expect(agent.lists).toBe(2);
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
    expect([agent.lists, agent.recorded, rig.names()]).toEqual([0, [], [name]]);
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
    agent.isAway = true;
    await agent.period();
    expect([agent.recorded, rig.names()]).toEqual([[], [name]]);
    agent.isAway = false;
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
    expect([agent.lists, agent.recorded, rig.names()]).toEqual([1, [], [name]]);
  });
});
