/** What a driver in its own process is told, tells and asks, through the protocol. */
import { expect, it, onTestFinished } from 'vitest';
import { LEFTOVER_PLAN } from '../../src/machines/kill-policy.ts';
import { until } from '../acceptance/rig.ts';
import { pluginAgent, PluginWorld } from './plugin-rig.ts';

const ODD = new URL('../fixtures/odd-driver.ts', import.meta.url).pathname;
const PLUGGED = new URL('../fixtures/plugged-driver.ts', import.meta.url).pathname;
const never = new AbortController().signal;

async function open(options = {}, [name, path] = ['odd', ODD]) {
  const world = new PluginWorld(name, path, options);
  const rig = await pluginAgent(world);
  onTestFinished(() => rig.end());
  return { world, rig, driver: rig.driver, doors: rig.doors };
}

it('its options are read by the driver itself', async () => {
  const { driver } = await open({ message: 'as the operator wants it' });
  expect(await driver.fingerprint()).toMatchObject({
    health: 'healthy',
    message: 'as the operator wants it',
    attributes: { 'plugin.version': expect.any(String) },
  });
});

it('wrong options are told in the words of the driver, however often it is tried', async () => {
  const { world, driver } = await open({ mesage: 'x', dies: 'start' });
  const refusal = {
    health: 'unhealthy',
    message:
      'driver plugin odd refuses its options: config.dies must be a list of strings; ' +
      'config.mesage is not a setting of odd. Did you mean message?',
  };
  expect(await driver.fingerprint()).toMatchObject(refusal);
  await until('it was tried often', () => world.warnings.length >= 6);
  expect(await driver.fingerprint()).toMatchObject(refusal);
});

it('a driver without options is given none', async () => {
  const { driver } = await open({ speed: 1, depth: 2 }, ['plugged', PLUGGED]);
  expect(await driver.fingerprint()).toMatchObject({
    health: 'unhealthy',
    message: 'driver plugin plugged has no options, and is given speed, depth',
  });
});

it('it speaks of its tasks, and has recorded what it makes', async () => {
  const { rig, driver, doors } = await open();
  const followed: string[] = [];
  const asked: string[] = [];
  const own = {
    ...doors,
    output: {
      follow: async (_run: unknown, log: { containerId: string }) => {
        followed.push(log.containerId);
      },
      settled: async (_run: unknown, patienceMs: number) => {
        asked.push(`settled within ${patienceMs}`);
        return true;
      },
      release: async () => void asked.push('released'),
    },
  };
  const run = await rig.lasting();
  await driver.start(run, own, never);
  expect(doors.words).toEqual([{ type: 'begins', message: 'as web', details: { run: '1' } }]);
  const things = [{ kind: 'thing', id: run.launchKey, run: 1 }];
  expect(doors.holdings.current()).toEqual(things);
  expect(followed).toEqual([run.launchKey]);
  await driver.stop(run, LEFTOVER_PLAN, own, never);
  await driver.release(run, own);
  expect(asked).toEqual(['settled within 1000', 'released']);
  const of = { allocId: run.allocId, allocName: run.allocName, task: run.task };
  await driver.cleanUp?.(things, of, own, never);
  expect(doors.holdings.current()).toEqual([]);
  expect(doors.words.map(({ type }) => type)).toEqual(['begins', 'undoes']);
});

it('what it may record is refused as it is refused to other drivers', async () => {
  const { rig, driver, doors } = await open();
  const full = {
    ...doors,
    holdings: {
      ...doors.holdings,
      record: () => Promise.reject(new Error('no room for another one')),
    },
  };
  const run = await rig.lasting();
  await expect(driver.start(run, full, never)).rejects.toThrow('no room for another one');
  expect((await driver.inspect(run, doors)).evidence.tree).toBe('dead');
});

it('a newer run of a task can be spoken of after the older one was released', async () => {
  const { rig, driver, doors } = await open();
  const [older, newer] = [await rig.lasting(), await rig.lasting()];
  await driver.start(older, doors, never);
  await driver.stop(older, LEFTOVER_PLAN, doors, never);
  const starting = driver.start(newer, doors, never);
  await driver.release(older, doors);
  expect(await starting).toMatchObject({ kind: 'started' });
  expect(doors.words.map(({ details }) => details['run'])).toEqual(['1', '2']);
});

it('it tells what runs use, sample by sample, until nobody asks', async () => {
  const { driver } = await open();
  const leaving = new AbortController();
  const query = { intervalMs: 10, withProcesses: false, signal: leaving.signal };
  const seen: number[] = [];
  for await (const { cpu } of driver.stats?.('key', query, { usage: undefined as never }) ?? []) {
    seen.push(cpu.totalNs);
    if (seen.length === 3) leaving.abort();
  }
  expect(seen).toEqual([1, 2, 3]);
});

it('what it says of itself that lasts is asked once', async () => {
  const { driver, rig } = await open();
  const { task } = await rig.lasting();
  expect([driver.mounts, driver.rootOf?.(task)]).toEqual(['all', 'task']);
});

it('its process and its hosts are in the log, as those of its own', async () => {
  const { world, rig, driver, doors } = await open();
  const run = await rig.lasting();
  await driver.start(run, doors, never);
  const [own] = world.hosts('driver');
  const [executor] = world.hosts('executor');
  await until('both are told', () => world.facts.length >= 2);
  expect(world.facts).toEqual([
    {
      type: 'HostStarted',
      facts: { hostId: expect.any(String), kind: 'driver', pid: own?.pid, driver: 'odd' },
    },
    {
      type: 'HostStarted',
      facts: { hostId: expect.any(String), kind: 'executor', pid: executor?.pid, driver: 'odd' },
    },
  ]);
});

it('a flood of words costs the agent no more than some', async () => {
  const { world, driver } = await open({ floods: true });
  await until('it has said everything', async () => (await driver.fingerprint()).attributes);
  const said = world.facts.filter(({ type }) => type === 'HostLost');
  // 50,000 of each, and a moment for those that are due as time passes.
  expect(said.length).toBeLessThanOrEqual(40);
  expect(world.changes).toBeLessThanOrEqual(20);
  expect(world.warnings.length).toBeLessThanOrEqual(200);
});
