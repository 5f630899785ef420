import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../src/errors.ts';
import { keepChecking } from '../../../src/hooks/checks/keep-checking.ts';
import type { Probe, ProbeResult } from '../../../src/hooks/checks/probe.ts';
import type { CheckSpec } from '../../../src/spec/check-spec.ts';
import { FakeClock } from '../../../src/testing/index.ts';

const CHECK: CheckSpec = {
  type: 'script',
  command: 'true',
  args: [],
  name: 'alive',
  intervalMs: 10_000,
  timeoutMs: 2_000,
};
const good: ProbeResult = { status: 'passing', output: 'ok' };

/** `refused` are the reports and restarts that nobody takes, by what they say. */
function watched(probe: Probe, check: Partial<CheckSpec> = {}, refused: string[] = []) {
  const clock = new FakeClock();
  const began = clock.steady();
  const leaving = new AbortController();
  const lines: string[] = [];
  const note = (text: string): number => lines.push(`${(clock.steady() - began) / 1000} ${text}`);
  const say = async (text: string): Promise<void> => {
    note(text);
    const [next] = refused;
    if (next !== text) return;
    refused.shift();
    throw new Error('nobody took it');
  };
  const ended = keepChecking(
    { ...CHECK, ...check } as CheckSpec,
    (signal) => {
      note('look');
      return probe(signal);
    },
    {
      clock,
      signal: leaving.signal,
      known: undefined,
      ageMs: () => clock.steady() - began,
      report: (status, output) => say(`${status} ${output}`),
      skipped: (why) => void note(`skipped: ${why}`),
      restart: () => say('restart'),
    },
  );
  ended.catch(() => undefined);
  return { clock, lines, leaving, ended };
}
const never = (signal: AbortSignal): Promise<ProbeResult> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('told'))));

describe('a check', () => {
  it('looks after a second, then every interval', async () => {
    const { clock, lines } = watched(async () => good);
    await clock.advance('25s');
    expect(lines).toEqual([
      '1 look',
      '1 passing ok',
      '11 look',
      '11 passing ok',
      '21 look',
      '21 passing ok',
    ]);
  });

  it('that takes longer than its interval never runs beside itself', async () => {
    const clocks: FakeClock[] = [];
    let running = 0;
    const { clock, lines } = watched(
      () => {
        running += 1;
        expect(running).toBe(1);
        return new Promise((resolve) => {
          const [own] = clocks as [FakeClock];
          own.at(own.steady() + 15_000, () => {
            running -= 1;
            resolve(good);
          });
        });
      },
      { timeoutMs: 60_000 },
    );
    clocks.push(clock);
    await clock.advance('40s');
    expect(lines).toEqual(['1 look', '16 passing ok', '16 look', '31 passing ok', '31 look']);
  });

  it('that hangs is critical when its time is up, and goes on', async () => {
    const { clock, lines } = watched(never);
    await clock.advance('14s');
    expect(lines).toEqual([
      '1 look',
      '3 critical timed out after 2 s',
      '11 look',
      '13 critical timed out after 2 s',
    ]);
  });

  it('that does not hear that its time is up delays the next look, but not for ever', async () => {
    const deaf = (): Promise<ProbeResult> => new Promise(() => undefined);
    const { clock, lines } = watched(deaf, { intervalMs: 1_000 });
    await clock.advance('6s');
    expect(lines).toEqual(['1 look', '3 critical timed out after 2 s', '5 look']);
  });

  it('is critical with the words of what it throws, and skips what may pass', async () => {
    const errors = [new Error('connection refused'), new HoldfastError('UNAVAILABLE', 'no host')];
    const { clock, lines } = watched(async () => {
      throw errors.shift() as Error;
    });
    await clock.advance('12s');
    expect(lines).toEqual([
      '1 look',
      '1 critical connection refused',
      '11 look',
      '11 skipped: no host',
    ]);
  });

  it('asks for a restart once, and looks no more', async () => {
    const bad = async (): Promise<ProbeResult> => ({ status: 'critical', output: 'no' });
    const checkRestart = { limit: 2, graceMs: 0 };
    const { clock, lines, ended } = watched(bad, { checkRestart });
    await clock.advance('60s');
    await ended;
    expect(lines).toEqual(['1 look', '1 critical no', '11 look', '11 critical no', '11 restart']);
  });

  it('says again after the next look what nobody took, and asks again for a restart', async () => {
    const { clock, lines, ended } = watched(
      async () => ({ status: 'critical', output: 'down' }),
      { initialStatus: 'passing', checkRestart: { limit: 1, graceMs: 0 } },
      ['passing ', 'critical down', 'restart'],
    );
    await clock.advance('40s');
    await ended;
    expect(lines).toEqual([
      '0 passing ',
      '0 skipped: nobody took it',
      '1 look',
      '1 critical down',
      '1 skipped: nobody took it',
      '11 look',
      '11 critical down',
      '11 restart',
      '11 skipped: nobody took it',
      '21 look',
      '21 critical down',
      '21 restart',
    ]);
  });

  it('says its initial status before it looks', async () => {
    const { clock, lines } = watched(async () => good, { initialStatus: 'critical' });
    await clock.advance('2s');
    expect(lines).toEqual(['0 critical ', '1 look', '1 passing ok']);
  });

  it('stops when the program is being ended, also in the middle of a look', async () => {
    const { clock, lines, leaving, ended } = watched(never);
    await clock.advance('2s');
    leaving.abort(new HoldfastError('ABORTED', 'left'));
    await expect(ended).rejects.toThrow('left');
    await clock.advance('60s');
    expect(lines).toEqual(['1 look']);
    expect(clock.waiting).toBe(0);
  });
});
