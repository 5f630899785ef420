import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/actors/system-clock.ts';
import { openMemoryEventLog } from '../../src/log/memory-event-log.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
afterEach(() => vi.restoreAllMocks());

/** Somebody sets the wall clock. */
function turnBy(byMs: number): void {
  const real = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => real() + byMs);
}

/** Two readings of the kernel's clock in one test are never an hour apart. */
const HOUR_MS = DAY_MS / 24;

describe('the steady clock', () => {
  it('agrees with the wall clock when a machine is first seen', () => {
    const clock = systemClock(openMemoryEventLog(), 'boot-1');
    expect(Math.abs(clock.steady() - clock.now())).toBeLessThan(HOUR_MS);
  });

  it.each([DAY_MS, -DAY_MS])('is not turned with the wall clock (%d ms)', (byMs) => {
    const clock = systemClock(openMemoryEventLog(), 'boot-1');
    const before = clock.steady();
    turnBy(byMs);
    expect(clock.steady() - before).toBeGreaterThanOrEqual(0);
    expect(clock.steady() - before).toBeLessThan(HOUR_MS);
  });

  it('goes on in the next agent where it was, whoever turned the wall clock in between', () => {
    const log = openMemoryEventLog();
    const before = systemClock(log, 'boot-1').steady();
    turnBy(DAY_MS);
    const after = systemClock(log, 'boot-1').steady();
    expect(after - before).toBeGreaterThanOrEqual(0);
    expect(after - before).toBeLessThan(HOUR_MS);
  });

  it('is set by the wall clock anew when the machine was started anew', () => {
    const log = openMemoryEventLog();
    const before = systemClock(log, 'boot-1').steady();
    turnBy(DAY_MS);
    expect(systemClock(log, 'boot-2').steady() - before).toBeGreaterThan(DAY_MS - HOUR_MS);
  });

  it('wakes at a time that is past already', async () => {
    const clock = systemClock(openMemoryEventLog(), 'boot-1');
    await new Promise<void>((resolve) => clock.at(clock.steady() - 1, resolve));
  });

  it('wakes nobody who went', async () => {
    const clock = systemClock(openMemoryEventLog(), 'boot-1');
    const woken = vi.fn();
    clock.at(clock.steady(), woken)();
    await new Promise<void>((resolve) => clock.at(clock.steady() + 5, resolve));
    expect(woken).not.toHaveBeenCalled();
  });
});
