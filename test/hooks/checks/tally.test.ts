import { describe, expect, it } from 'vitest';
import type { CheckStatus } from '../../../src/events/task-event.ts';
import { Tally } from '../../../src/hooks/checks/tally.ts';

type Check = ConstructorParameters<typeof Tally>[0];

const WORDS: Readonly<Record<string, CheckStatus>> = { p: 'passing', w: 'warning', c: 'critical' };

/** Results as letters, one a second; what stands after each, and `!` when a restart is due. */
function told(check: Check, results: string, known?: CheckStatus): string {
  const tally = new Tally(check, known);
  return results
    .split('')
    .map((letter, index) => {
      const { status, isRestartDue } = tally.add(WORDS[letter] as CheckStatus, index * 1_000);
      return `${status === undefined ? '-' : status[0]}${isRestartDue ? '!' : ''}`;
    })
    .join(' ');
}
const limit = (count: number, graceMs = 0) => ({ checkRestart: { limit: count, graceMs } });

describe('what a check says', () => {
  it.each([
    [{}, 'pcwp', undefined, 'p c w p'],
    [{ failuresBeforeCritical: 3 }, 'pccpccc', undefined, 'p p p p p p c'],
    [{ successBeforePassing: 2 }, 'pcppp', undefined, '- c c p p'],
    [{ successBeforePassing: 2 }, 'pp', 'critical', 'c p'],
    // A warning is a good result, as with Consul.
    [{ successBeforePassing: 2 }, 'cwp', undefined, 'c c p'],
    [{ startPeriodMs: 3_000 }, 'ccccc', undefined, '- - - c c'],
    // The first good result ends it.
    [{ startPeriodMs: 3_000 }, 'cpc', undefined, '- p c'],
  ] as const)('follows from its results: %j, %s after %s: %s', (check, results, known, text) => {
    expect(told(check, results, known)).toBe(text);
  });
});

describe('a restart', () => {
  it.each([
    [limit(1), 'pc', 'p c!'],
    [limit(3), 'ccpccc', 'c c p c c c!'],
    [limit(2), 'ww', 'w w!'],
    [limit(2, 3_000), 'cccccc', 'c c c c c! c!'],
    // Only what is critical counts, and not what is on its way to be.
    [{ ...limit(2), failuresBeforeCritical: 3 }, 'pccccc', 'p p p c c! c!'],
    [{ checkRestart: { limit: 2, graceMs: 0, ignoreWarnings: true } }, 'wwcwcc', 'w w c w c c!'],
    [{}, 'cccc', 'c c c c'],
  ] as const)('is due after so many bad results in a row: %j, %s: %s', (check, results, text) => {
    expect(told(check, results)).toBe(text);
  });

  it('counts from nothing under another agent, whatever is recorded', () => {
    expect(told(limit(2), 'cc', 'critical')).toBe('c c!');
  });
});
