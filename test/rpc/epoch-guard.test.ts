import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EpochGuard } from '../../src/rpc/epoch-guard.ts';

test('an epoch lower than the highest seen is refused, the same and a higher one are not', () => {
  const guard = new EpochGuard();
  for (const epoch of [1, 1, 5, 5]) guard.check(epoch);
  expect(() => guard.check(4)).toThrow('newer agent');
  guard.check(6);
  expect(() => guard.check(5)).toThrow('newer agent');
});

test('a host that has heard of nobody refuses an agent older than the one that is written down', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'hf-epoch-'));
  try {
    const guard = new EpochGuard(stateDir);
    guard.checkRecorded(1);
    writeFileSync(join(stateDir, 'instance.json'), '{"instanceId":"i","agentEpoch":3}');
    expect(() => guard.checkRecorded(2)).toThrow('newer agent');
    expect(() => guard.check(2)).toThrow('newer agent');
    writeFileSync(join(stateDir, 'instance.json'), 'not what was written');
    guard.checkRecorded(3);
  } finally {
    rmSync(stateDir, { recursive: true });
  }
});
