import { expect, it } from 'vitest';
import { assertProcessors } from '../../src/drivers/processors.ts';

it.each(['0', '1', '0-1', '0-1,3', '1,0'])('a machine with 0-1,3 has %s', (cpuset) => {
  expect(() => assertProcessors(cpuset, 'task web', () => '0-1,3')).not.toThrow();
});

it.each(['0-63', '2', '0,4', '0-3'])('a machine with 0-1,3 does not have %s', (cpuset) => {
  expect(() => assertProcessors(cpuset, 'task web', () => '0-1,3')).toThrow(
    expect.objectContaining({
      code: 'CAPABILITY_MISSING',
      message: `task web needs cpuset ${cpuset}: this machine has the processors 0-1,3`,
    }),
  );
});

it('nobody looks for a task that may use them all', () => {
  const read = (): string => expect.unreachable();
  expect(() => assertProcessors(undefined, 'task web', read)).not.toThrow();
});
