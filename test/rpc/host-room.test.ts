import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { limitsIn, mostOpenFiles } from '../../src/os/open-files.ts';
import { hostRoom } from '../../src/rpc/host-room.ts';

it('a host has room for as many tasks as it may open files for, and for one at least', () => {
  const files = mostOpenFiles(process.pid);
  expect(hostRoom('logmon', process.pid)).toBe(Math.max(1, Math.floor((files - 34) / 6)));
  expect(hostRoom('executor', process.pid)).toBeGreaterThanOrEqual(hostRoom('logmon', process.pid));
  expect(hostRoom('logmon', 2 ** 30)).toBe(Infinity);
});

it('a limit is read as the kernel writes it, and one that it does not know is none', () => {
  const text = readFileSync('/proc/self/limits', 'latin1');
  expect(limitsIn('Max open files            64   4096   files', 'Max open files')).toEqual([
    '64',
    '4096',
  ]);
  expect(limitsIn(text, 'Max nonsense')).toEqual(['unlimited', 'unlimited']);
});
