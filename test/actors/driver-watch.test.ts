/** Drivers that do not answer, beside those that do. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Counts } from '../../src/actors/counts.ts';
import { DriverWatch } from '../../src/actors/driver-watch.ts';
import type { DriverAgent } from '../../src/drivers/driver-agent.ts';
import type { Driver, Fingerprint } from '../../src/drivers/driver.ts';
import { DriverRegistry } from '../../src/drivers/registry.ts';
import { silentLogger } from '../../src/ports.ts';
import { FakeClock, mockDriver, MockWorld } from '../../src/testing/index.ts';

const HEALTHY: Fingerprint = { health: 'healthy', message: 'Healthy', attributes: {} };

function watched(drivers: readonly Partial<Driver>[], everyMs = 60_000) {
  const mock = mockDriver(new MockWorld(new FakeClock()));
  const recorded: string[] = [];
  const registry = new DriverRegistry(drivers.map((driver) => ({ ...mock, ...driver })));
  const watch = new DriverWatch({
    drivers: registry,
    record(_type, facts) {
      const { driver, health, message } = facts as unknown as Fingerprint & { driver: string };
      recorded.push(`${driver} ${health}: ${message}`);
    },
    logger: silentLogger,
    agentFor: () => ({}) as DriverAgent,
    everyMs,
    limitMs: 20,
  });
  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  return { watch, recorded, begin: () => watch.begin(leaving.signal), leaving };
}

it('a driver that hangs is unhealthy, the others go on, and its answer counts when it comes', async () => {
  const late = Promise.withResolvers<Fingerprint>();
  const { watch, recorded, begin } = watched([
    { name: 'hangs', fingerprint: () => late.promise },
    { name: 'well', fingerprint: async () => HEALTHY },
  ]);
  await begin();
  expect(recorded).toEqual([
    'well healthy: Healthy',
    'hangs unhealthy: it did not answer within 0.02 s',
  ]);
  expect([watch.whyHeld('well'), watch.whyHeld('hangs'), watch.whyHeld('nobody')]).toEqual([
    undefined,
    'it did not answer within 0.02 s',
    undefined,
  ]);
  const passing = watch.passed('hangs', new AbortController().signal);
  late.resolve(HEALTHY);
  await passing;
  expect(recorded.at(-1)).toBe('hangs healthy: Healthy');
});

it('a driver is asked again and again, never twice at once, and a throw is no health', async () => {
  let asked = 0;
  let atOnce = 0;
  let most = 0;
  const fingerprint = async (): Promise<Fingerprint> => {
    asked += 1;
    atOnce += 1;
    most = Math.max(most, atOnce);
    await delay(3);
    atOnce -= 1;
    if (asked === 3) throw new TypeError('no such file');
    return HEALTHY;
  };
  const { recorded, begin } = watched([{ name: 'well', fingerprint }], 1);
  await begin();
  await vi.waitFor(() => expect(asked).toBeGreaterThan(5), { timeout: 10_000, interval: 1 });
  expect(most).toBe(1);
  expect(recorded).toEqual([
    'well healthy: Healthy',
    'well unhealthy: no such file',
    'well healthy: Healthy',
  ]);
});

it('whoever waits for a driver that cannot work may stop waiting', async () => {
  const fingerprint = async (): Promise<Fingerprint> => ({ ...HEALTHY, health: 'unhealthy' });
  const { watch, begin } = watched([{ name: 'ill', fingerprint }]);
  await begin();
  const giveUp = new AbortController();
  const waiting = watch.passed('ill', giveUp.signal);
  giveUp.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
});

it('counts what has a name, and not more than 4,096 sums', () => {
  const counts = new Counts();
  for (let n = 0; n < 5_000; n += 1) counts.add('a_total', { n: String(n) });
  counts.add('a_total', { n: '0' }, 4);
  counts.add('a_total', { 'no label': 'x' });
  counts.add('a_total', { n: '1' }, -1);
  const { current } = counts;
  expect(current).toHaveLength(4_097);
  expect(current[0]).toEqual({ metric: 'a_total', labels: { n: '0' }, value: 5 });
  expect(current.at(-1)).toEqual({
    metric: 'holdfast_counts_omitted_total',
    labels: {},
    value: 906,
  });
});
