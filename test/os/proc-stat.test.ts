import { expect, test } from 'vitest';
import { isDeadState, parseProcStat } from '../../src/os/proc-stat.ts';

const REST = '1 77 78 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 10';

test('the name of a process may hold brackets and look like a line of its own', () => {
  expect(parseProcStat(`42 () R 1 1 1 (x) S ${REST}\n`)).toEqual({
    pid: 42,
    state: 'S',
    parentPid: 1,
    processGroup: 77,
    session: 78,
    startTime: '4711',
  });
  expect(parseProcStat(`42 (a\nb) Z ${REST}`)?.state).toBe('Z');
});

test.each(['', 'x', '42 (a', '42 (a) S', '42 (a) S 1 2 3', `(a) S ${REST}`, '42 (a) S 1 2 x'])(
  '%j is not a line of a process table',
  (text) => expect(parseProcStat(text)).toBeUndefined(),
);

test('a zombie is dead, a stopped process is not', () => {
  expect(['Z', 'X', 'x', 'T', 'S', 'D'].map(isDeadState)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});
