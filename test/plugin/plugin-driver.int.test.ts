/** A driver in a process of its own is a driver: the contract, through the protocol, and what only processes do. */
import { statSync, readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeDriver } from '../contract/driver.contract.ts';
import { LEFTOVER_PLAN } from '../../src/machines/kill-policy.ts';
import { until } from '../acceptance/rig.ts';
import { pluginAgent, PluginWorld } from './plugin-rig.ts';

const PLUGGED = new URL('../fixtures/plugged-driver.ts', import.meta.url).pathname;
const SENSELESS = new URL('../fixtures/senseless-driver.ts', import.meta.url).pathname;
const never = new AbortController().signal;

describeDriver('a driver in its own process', () =>
  pluginAgent(new PluginWorld('plugged', PLUGGED)),
);

describe('the process of a driver', () => {
  const open = async (name: string, path: string) => {
    const world = new PluginWorld(name, path);
    const rig = await pluginAgent(world);
    onTestFinished(() => rig.end());
    return { world, rig, driver: rig.driver, doors: rig.doors };
  };

  it('is killed under a wait: the next one adopts the run, which hears of nothing', async () => {
    const { world, rig, driver, doors } = await open('plugged', PLUGGED);
    const run = await rig.lasting();
    const started = await driver.start(run, doors, never);
    const waiting = driver.wait(run, doors, never);
    const [before] = world.hosts('driver');
    process.kill(before?.pid ?? 0, 'SIGKILL');
    const sighting = await until('it is back', () =>
      driver.inspect(run, doors).catch(() => false as const),
    );
    expect(sighting.process).toEqual(started.kind === 'started' && started.process);
    expect(world.hosts('driver').map(({ pid }) => pid)).not.toContain(before?.pid);
    expect(world.hosts('executor')).toHaveLength(1);
    expect(await driver.stop(run, LEFTOVER_PLAN, doors, never)).toEqual({ kind: 'ended' });
    expect(await waiting).toMatchObject({ kind: 'exited', exit: { signal: 'SIGKILL' } });
  });

  it('is unhealthy while it is not there, and says why', async () => {
    const { driver } = await open('plugged', '/no/such/entry.ts');
    expect(await driver.fingerprint()).toMatchObject({
      health: 'unhealthy',
      message: '/no/such/entry.ts is no file',
    });
  });

  it('is refused under the name of another driver', async () => {
    const { driver } = await open('other', PLUGGED);
    expect(await driver.fingerprint()).toMatchObject({
      health: 'unhealthy',
      message: `${PLUGGED} is the driver plugged, not other`,
    });
  });

  it('shows no token in its arguments, and nobody else may open its socket', async () => {
    const { world, rig, driver, doors } = await open('plugged', PLUGGED);
    const run = await rig.lasting();
    await driver.start(run, doors, never);
    for (const { pid, socket } of [...world.hosts('driver'), ...world.hosts('executor')]) {
      expect(statSync(socket).mode & 0o777).toBe(0o600);
      expect(readFileSync(`/proc/${pid}/cmdline`, 'latin1')).not.toContain(run.token);
    }
  });

  it('that makes no sense is UNAVAILABLE by name, call by call', async () => {
    const { rig, driver, doors } = await open('senseless', SENSELESS);
    const run = await rig.lasting();
    const calls = {
      fingerprint: () => driver.fingerprint(),
      inspect: () => driver.inspect(run, doors),
      start: () => driver.start(run, doors, never),
      adopt: () => driver.adopt(run, doors, never),
      signal: () => driver.signal(run, 'SIGHUP', doors),
      stop: () => driver.stop(run, LEFTOVER_PLAN, doors, never),
    };
    for (const [name, ask] of Object.entries(calls)) {
      await expect(ask()).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining(`driver plugin senseless, ${name}: `),
      });
    }
  });
});
