import { expect, test } from 'vitest';
import { EpochGuard } from '../../src/rpc/epoch-guard.ts';

test('an epoch lower than the highest seen is refused, the same and a higher one are not', () => {
  const guard = new EpochGuard();
  for (const epoch of [1, 1, 5, 5]) guard.check(epoch);
  expect(() => guard.check(4)).toThrow('newer agent');
  guard.check(6);
  expect(() => guard.check(5)).toThrow('newer agent');
});
