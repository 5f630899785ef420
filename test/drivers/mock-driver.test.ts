import { describe, expect, it } from 'vitest';
import type { DriverDoors } from '../../src/drivers/driver.ts';
import { LEFTOVER_PLAN } from '../../src/machines/kill-policy.ts';
import { FakeClock, mockDriver, MockWorld, type MockConfig } from '../../src/testing/index.ts';
import { describeDriver } from '../contract/driver.contract.ts';
import { mockRig } from './mock-rig.ts';
import { runRequest } from './run-request.ts';

const doors = {} as DriverDoors;
const never = new AbortController().signal;

describeDriver('mock driver', async () => mockRig(mockDriver));

describe('the mock driver', () => {
  const setUp = (config: MockConfig) => {
    const clock = new FakeClock();
    const world = new MockWorld(clock);
    const run = runRequest('mock', { ...config }, 1);
    return { clock, world, run, driver: mockDriver(world) };
  };

  it('takes the time that it is told to', async () => {
    const { clock, driver, run, world } = setUp({
      startDelay: '2s',
      runFor: '3s',
      signal: 'SIGSEGV',
    });
    const start = driver.start(run, doors, never);
    await clock.advance('1999ms');
    expect(world.living).toEqual([]);
    await clock.advance('1ms');
    await start;
    await clock.advance('2999ms');
    expect(world.living).toHaveLength(1);
    await clock.advance('1ms');
    expect(await driver.wait(run, doors, never)).toMatchObject({ exit: { signal: 'SIGSEGV' } });
  });

  it('forgets a start that is given up before its time', async () => {
    const { clock, driver, run, world } = setUp({ startDelay: '2s' });
    const giveUp = new AbortController();
    const start = driver.start(run, doors, giveUp.signal);
    await clock.advance(0);
    giveUp.abort();
    await expect(start).rejects.toMatchObject({ code: 'ABORTED' });
    await clock.advance('5s');
    expect(world.living).toEqual([]);
  });

  it('has a bug where it is told to', async () => {
    const { driver, run } = setUp({ throwIn: 'inspect' });
    await expect(driver.inspect(run, doors)).rejects.toThrow(TypeError);
  });

  it('shows a program of before a restart of the machine as gone', async () => {
    const { driver, run, world } = setUp({});
    await driver.start(run, doors, never);
    world.reboot();
    const { evidence } = await driver.inspect(run, doors);
    expect(evidence).toMatchObject({ epoch: 'changed', claim: 'dead', tree: 'dead' });
  });

  it('outlives as many kills as it is told to', async () => {
    const { driver, run } = setUp({ stopStuck: 1 });
    await driver.start(run, doors, never);
    const stop = () => driver.stop(run, LEFTOVER_PLAN, doors, never);
    expect(await stop()).toMatchObject({ kind: 'stuck' });
    expect(await stop()).toEqual({ kind: 'ended' });
  });

  it('refuses durations that are none and calls that it does not have', () => {
    const { driver } = setUp({});
    expect(() => driver.checkConfig({ runFor: '3', throwIn: 'lunch' })).toThrow(
      'config.runFor must be a duration such as "3s"; config.throwIn must be one of',
    );
  });
});
