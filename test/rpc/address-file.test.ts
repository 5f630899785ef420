import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type HostAddress,
  hostDirectory,
  readAddress,
  writeAddress,
} from '../../src/rpc/address-file.ts';

const ADDRESS: HostAddress = {
  hostId: 'h',
  kind: 'executor',
  pid: 7,
  startTime: '1',
  machineEpoch: 'e',
  protocol: 1,
  version: '0.1.0',
  socket: '/s/sock',
};

let dir: string;

beforeEach(() => {
  dir = hostDirectory(mkdtempSync(join(tmpdir(), 'address-')), 'h');
  mkdirSync(dir, { recursive: true });
});

afterEach(() => rmSync(join(dir, '../..'), { recursive: true }));

test('an address is read as it was written, by its owner alone', async () => {
  writeAddress(dir, ADDRESS);
  expect(await readAddress(dir)).toEqual(ADDRESS);
  expect(statSync(join(dir, 'address.json')).mode & 0o777).toBe(0o600);
});

test.each([
  '',
  '{',
  'null',
  '[]',
  JSON.stringify({ ...ADDRESS, pid: 0 }),
  JSON.stringify({ ...ADDRESS, kind: 'other' }),
  JSON.stringify({ ...ADDRESS, socket: 'relative' }),
  JSON.stringify({ ...ADDRESS, startTime: undefined }),
])('%j is no address', async (text) => {
  writeFileSync(join(dir, 'address.json'), text);
  expect(await readAddress(dir)).toBeUndefined();
});

test('a host that has not come so far has no address', async () => {
  expect(await readAddress(dir)).toBeUndefined();
});
