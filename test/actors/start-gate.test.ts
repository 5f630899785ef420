import { describe, expect, it } from 'vitest';
import { StartGate } from '../../src/actors/start-gate.ts';

const never = new AbortController().signal;

describe('the gate of all starts', () => {
  it('lets everybody pass when nothing holds them up', async () => {
    await new StartGate().passed(never);
  });

  it('opens when the last reason is gone', async () => {
    const gate = new StartGate();
    gate.hold('boot-sweep');
    gate.hold('disk-low');
    let isPassed = false;
    const passing = gate.passed(never).then(() => (isPassed = true));
    gate.release('boot-sweep');
    await Promise.resolve();
    expect([isPassed, gate.holds]).toEqual([false, ['disk-low']]);
    gate.release('disk-low');
    await passing;
  });

  it('keeps a waiter for whom it was closed again before its turn', async () => {
    const gate = new StartGate();
    gate.hold('disk-low');
    let isPassed = false;
    const passing = gate.passed(never).then(() => (isPassed = true));
    gate.release('disk-low');
    gate.hold('safe-mode');
    await new Promise((resolve) => setImmediate(resolve));
    expect(isPassed).toBe(false);
    gate.release('safe-mode');
    await passing;
  });

  it('lets go of a waiter that gives up', async () => {
    const gate = new StartGate();
    gate.hold('disk-low');
    const leaving = new AbortController();
    const passing = gate.passed(leaving.signal);
    leaving.abort();
    await expect(passing).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(gate.passed(leaving.signal)).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
