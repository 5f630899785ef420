import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { destinationOf } from '../../../src/hooks/artifacts/destination.ts';
import { tgzOf } from './archives.ts';
import { fetched, place, serving } from './fetching.ts';

const DIRS = { task: '/d/allocs/a1/web', alloc: '/d/allocs/a1/alloc' };

describe('a destination', () => {
  it.each([
    ['local', DIRS.task, 'local'],
    ['./local//x/', DIRS.task, 'local/x'],
    ['.', DIRS.task, ''],
    ['alloc/data/x', DIRS.alloc, 'data/x'],
    ['/d/allocs/a1/web/local/x', DIRS.task, 'local/x'],
    ['/d/allocs/a1/alloc/x', DIRS.alloc, 'x'],
    ['/local/x', DIRS.task, 'local/x'],
    ['/alloc/data', DIRS.alloc, 'data'],
  ])('%s', (written, root, path) => {
    const { root: found, steps } = destinationOf(written, DIRS);
    expect([found, steps.join('/')]).toEqual([root, path]);
  });

  it.each(['..', 'a/../../b', '/etc', '/d/allocs/a1/web2', 'alloc/../web', 'a\0b', '/'])(
    'that leads out is refused: %j',
    (written) => {
      expect(() => destinationOf(written, DIRS)).toThrow('leads out of the directory of the task');
    },
  );

  it('is not reached through a link that somebody has put there', async () => {
    const where = place();
    const outside = join(where.top, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, join(where.dirs.task, 'local'));
    const { url } = await serving('x');
    const text = 'in its destination, "local" is a file or a link, and no directory';
    expect(await fetched(where, { source: `${url}/x` })).toContain(text);
    expect(await fetched(where, { source: `${url}/x`, destination: 'local/deep' })).toContain(text);
    const tree = await serving(tgzOf([{ name: 'local/x' }]));
    const wish = { source: `${tree.url}/a.tgz`, destination: '.' };
    expect(await fetched(where, wish)).toContain(text);
    expect(existsSync(join(outside, 'x'))).toBe(false);
  });

  it('takes the place of a link, and writes nothing where it leads', async () => {
    const where = place();
    const outside = join(where.top, 'precious');
    writeFileSync(outside, 'precious');
    mkdirSync(join(where.dirs.task, 'local'));
    symlinkSync(outside, join(where.dirs.task, 'local/x'));
    const { url } = await serving('new');
    expect(await fetched(where, { source: `${url}/x` })).toContain('fetched');
    expect(readFileSync(outside, 'utf8')).toBe('precious');
    expect(readFileSync(join(where.dirs.task, 'local/x'), 'utf8')).toBe('new');
  });

  it('is filled beside what is there already, and files are replaced', async () => {
    const where = place();
    mkdirSync(join(where.dirs.task, 'local/app'), { recursive: true });
    writeFileSync(join(where.dirs.task, 'local/app/own'), 'own');
    writeFileSync(join(where.dirs.task, 'local/app/old'), 'old');
    const entries = [
      { name: 'app/old', content: 'new' },
      { name: 'app/sub/deep', content: 'deep' },
      { name: 'app/link', type: '2', target: 'own' },
    ];
    const { url } = await serving(tgzOf(entries));
    for (let time = 1; time <= 2; time += 1) {
      expect(await fetched(where, { source: `${url}/a.tgz` })).toContain('fetched');
    }
    const read = (name: string): string =>
      readFileSync(join(where.dirs.task, 'local/app', name), 'utf8');
    expect([read('own'), read('old'), read('sub/deep')]).toEqual(['own', 'new', 'deep']);
    expect(readlinkSync(join(where.dirs.task, 'local/app/link'))).toBe('own');
  });

  it('that is a directory is not replaced by a file', async () => {
    const where = place();
    mkdirSync(join(where.dirs.task, 'local/x/y'), { recursive: true });
    const { url } = await serving('new');
    const told = await fetched(where, { source: `${url}/x` });
    expect(told).toContain('in its destination, "x" is a directory');
  });
});

describe('a file of this machine', () => {
  it('is copied, and a directory with everything in it', async () => {
    const where = place();
    const from = join(where.top, 'from');
    mkdirSync(join(from, 'sub'), { recursive: true });
    writeFileSync(join(from, 'sub/a'), 'a');
    symlinkSync('sub/a', join(from, 'l'));
    expect(await fetched(where, { source: `file://${from}/sub/a` })).toContain('to local/a');
    const wish = { source: `file://${from}`, destination: 'local/copy' };
    expect(await fetched(where, wish)).toContain('to local/copy');
    expect(readFileSync(join(where.dirs.task, 'local/copy/l'), 'utf8')).toBe('a');
    const asFile = { ...wish, mode: 'file' } as const;
    expect(await fetched(where, asFile)).toContain('mode "file" asks for a file');
  });

  it('must be open to everybody when the task runs as somebody else, or opened by the operator', async () => {
    const where = place();
    const from = join(where.top, 'from');
    mkdirSync(from);
    const file = join(from, 'secret');
    writeFileSync(file, 'x', { mode: 0o600 });
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const source = `file://${file}`;
    const closed = `${file} is not open to everybody`;
    expect(await fetched(where, { source }, {}, { owner })).toContain(closed);
    // Everybody may read it by its mode, and it is another one for each who does.
    const own = { source: 'file:///proc/self/maps' };
    expect(await fetched(where, own, {}, { owner })).toContain('tells of the agent itself');
    symlinkSync(file, join(from, 'way'));
    expect(await fetched(where, { source: `file://${from}/way` }, {}, { owner })).toContain(
      'is not open',
    );
    expect(await fetched(where, { source }, { fileRoots: [from] }, { owner })).toContain('fetched');
    expect(await fetched(where, { source }, { fileRoots: [`${from}/sec`] }, { owner })).toContain(
      closed,
    );
    for (const path of [where.top, from]) chmodSync(path, 0o755);
    chmodSync(file, 0o644);
    expect(await fetched(where, { source }, {}, { owner })).toContain('fetched');
    chmodSync(from, 0o750);
    expect(await fetched(where, { source }, {}, { owner })).toContain(closed);
  });

  it('is not copied when it is larger than the agent allows', async () => {
    const where = place();
    writeFileSync(join(where.top, 'big'), 'x'.repeat(11));
    const wish = { source: `file://${where.top}/big` };
    expect(await fetched(where, wish, { maxBytes: 11 })).toContain('(11 bytes)');
    expect(await fetched(where, wish, { maxBytes: 10 })).toContain('is larger than the 10 bytes');
  });

  it('that is not there is told by its name', async () => {
    const told = await fetched(place(), { source: 'file:///nowhere/at/all' });
    expect(told).toContain('/nowhere/at/all cannot be read: ENOENT');
  });
});
