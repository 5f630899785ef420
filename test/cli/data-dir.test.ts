import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataDirectory } from '../../src/cli/data-dir.ts';
import { checkDataDirectory } from '../../src/data-dir.ts';

describe('the data directory', () => {
  it('is the flag’s, else the environment’s, else the user’s own', () => {
    const env = { HOLDFAST_DATA_DIR: '/env' };
    expect(dataDirectory('/flag', env, 1000)).toBe('/flag');
    expect(dataDirectory(undefined, env, 1000)).toBe('/env');
    expect(dataDirectory(undefined, { XDG_STATE_HOME: '/state' }, 1000)).toBe('/state/holdfast');
    expect(dataDirectory(undefined, {}, 1000)).toMatch(/\/\.local\/state\/holdfast$/);
    expect(dataDirectory(undefined, {}, 0)).toBe('/var/lib/holdfast');
  });

  it.each([
    ['--data-dir', '', {}],
    ['HOLDFAST_DATA_DIR', undefined, { HOLDFAST_DATA_DIR: '' }],
  ])('is not the default where %s is empty', (place, flag, env) => {
    expect(() => dataDirectory(flag, env, 0)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(place) as string }),
    );
    expect(dataDirectory('/flag', env, 0)).toBe('/flag');
  });

  it('is absolute however it was written', () => {
    expect(dataDirectory('x', {}, 0)).toBe(join(process.cwd(), 'x'));
  });
});

describe('checkDataDirectory', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'holdfast-dir-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('takes a directory of our own, and one that is not there yet, and makes nothing', () => {
    checkDataDirectory(dir);
    checkDataDirectory(join(dir, 'a', 'b'));
    expect(readdirSync(dir)).toEqual([]);
  });

  it.each([0o777, 0o775, 0o772])('refuses one that others can write (%o)', (mode) => {
    chmodSync(dir, mode);
    expect(() => checkDataDirectory(dir)).toThrow(/others can write .*: chmod go-w /);
  });

  it('refuses a file, and a path through a file', () => {
    writeFileSync(join(dir, 'file'), '');
    expect(() => checkDataDirectory(join(dir, 'file'))).toThrow('is not a directory');
    expect(() => checkDataDirectory(join(dir, 'file', 'x'))).toThrow('a part of it is a file');
  });

  it('refuses a path too long for its sockets', () => {
    const deep = join(dir, 'x'.repeat(90));
    mkdirSync(deep);
    expect(() => checkDataDirectory(deep)).toThrow(/is \d+ bytes long and at most 74 work/);
  });

  it.each(['/proc', '/proc/self/hf', '/sys', '/sys/fs/cgroup/hf', '/tmp/../proc/hf'])(
    'refuses %s, which is the kernel’s',
    (path) => {
      expect(() => checkDataDirectory(path)).toThrow(/is in \/(proc|sys), where the kernel keeps/);
    },
  );

  it('takes one whose name only begins like the kernel’s', () => {
    expect(() => checkDataDirectory('/processes/hf')).not.toThrow('kernel');
  });

  it.skipIf(process.getuid?.() === 0)('refuses one that we may not read', () => {
    chmodSync(dir, 0o000);
    expect(() => checkDataDirectory(dir)).toThrow('cannot be read and written');
    chmodSync(dir, 0o700);
  });
});
