/** What containers use, as it is told from the files of this machine. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { docker } from '../../src/drivers/docker/docker.ts';
import type { RunSample, UsageDoor } from '../../src/drivers/usage.ts';
import { DockerRuns } from './docker-runs.ts';
import { EngineRig, whyNoEngine } from './engine-rig.ts';

const missing = whyNoEngine();
const unused: UsageDoor = {
  follow() {
    throw new Error('a container is looked up at its engine');
  },
};

async function firstOf(samples: AsyncIterable<RunSample> | undefined): Promise<unknown> {
  if (samples === undefined) return 'this driver tells nothing';
  for await (const sample of samples) return sample;
  return undefined;
}

describe.skipIf(missing !== undefined)(`what a container uses ${missing ?? ''}`, () => {
  let engine: EngineRig;
  beforeAll(async () => {
    engine = await EngineRig.open();
  });
  afterAll(() => engine.close());

  it('is told again and again, with its limit and its processes, until it ends', async () => {
    const runs = new DockerRuns(engine.endpoint);
    onTestFinished(() => runs.close());
    const { driver, doors } = runs.agent();
    const request = runs.script('dd if=/dev/zero of=/dev/null & while :; do sleep 0.05; done');
    const run = {
      ...request,
      task: { ...request.task, resources: { memoryMb: 64 } },
    };
    const outcome = await driver.start(run, doors, new AbortController().signal);
    expect(outcome).toMatchObject({ kind: 'started' });
    const samples: RunSample[] = [];
    const query = { intervalMs: 100, withProcesses: true };
    for await (const sample of driver.stats?.(run.launchKey, query, { usage: unused }) ?? []) {
      samples.push(sample);
      if (samples.length === 5) engine.docker('kill', `holdfast-${run.launchKey}`);
    }
    expect(samples.length).toBeGreaterThanOrEqual(5);
    const [first, last] = [samples[0], samples[4]];
    expect(last?.cpu.totalNs).toBeGreaterThan(first?.cpu.totalNs ?? Infinity);
    expect(last?.memory).toMatchObject({
      limitBytes: 64 * 2 ** 20,
      usageBytes: expect.any(Number),
    });
    expect(last?.processes.map(({ command }) => command)).toContain('dd');
    expect(last?.processCount).toBeGreaterThanOrEqual(2);
  });

  it('is nothing of one that is not there', async () => {
    const driver = docker({ endpoint: engine.endpoint });
    const query = { intervalMs: 100, withProcesses: false };
    const samples = driver.stats?.('aaaaaaaaaaaaaaaaaaaa', query, { usage: unused });
    expect(await firstOf(samples)).toBeUndefined();
  });
});

it('is not guessed where the engine is on another machine', async () => {
  const driver = docker({ endpoint: 'tcp://192.0.2.1:2376' });
  const samples = driver.stats?.(
    'aaaaaaaaaaaaaaaaaaaa',
    { intervalMs: 100, withProcesses: false },
    { usage: unused },
  );
  await expect(firstOf(samples)).rejects.toMatchObject({
    code: 'CAPABILITY_MISSING',
  });
});
