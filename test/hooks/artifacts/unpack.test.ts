import { lstatSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { leadsOut } from '../../../src/hooks/artifacts/entry-path.ts';
import { tarOf, tgzOf, zipOf, type TarEntry } from './archives.ts';
import { fetched, place, serving } from './fetching.ts';

async function untarred(entries: readonly TarEntry[]): Promise<string> {
  const { url } = await serving(tgzOf(entries));
  return fetched(place(), { source: `${url}/a.tar.gz` });
}

describe('an archive', () => {
  it('is unpacked into its destination, links and modes with it', async () => {
    const where = place();
    const entries = [
      { name: 'app/', type: '5' },
      { name: 'app/bin/run', content: '#!/bin/sh\n', mode: 0o4755 },
      { name: 'app/current', type: '2', target: 'bin' },
      { name: 'app/same', type: '1', target: 'app/bin/run' },
    ];
    const { url } = await serving(tgzOf(entries));
    const told = await fetched(where, { source: `${url}/x/app.tar.gz?sig=geheim` });
    expect(told).toMatch(
      /^fetched http:\/\/127\.0\.0\.1:\d+\/x\/app\.tar\.gz \(\d+ bytes\) to local$/,
    );
    const app = join(where.dirs.task, 'local/app');
    expect(readFileSync(join(app, 'bin/run'), 'utf8')).toBe('#!/bin/sh\n');
    expect(statSync(join(app, 'bin/run')).mode & 0o7777).toBe(0o755);
    expect(readlinkSync(join(app, 'current'))).toBe('bin');
    expect(statSync(join(app, 'same')).ino).toBe(statSync(join(app, 'bin/run')).ino);
  });

  it('need not be compressed', async () => {
    const where = place();
    const { url } = await serving(tarOf([{ name: 'a/b', content: 'yes' }]));
    expect(await fetched(where, { source: `${url}/x.tar` })).toContain('fetched');
    expect(readFileSync(join(where.dirs.task, 'local/a/b'), 'utf8')).toBe('yes');
  });

  it('may be a zip file, with the modes and links of Unix', async () => {
    const where = place();
    const { url } = await serving(
      zipOf([
        { name: 'd/', mode: 0o040755 },
        { name: 'd/run', content: 'go', mode: 0o100755 },
        { name: 'd/link', content: 'run', mode: 0o120777 },
      ]),
    );
    expect(await fetched(where, { source: `${url}/x.zip` })).toContain('fetched');
    expect(statSync(join(where.dirs.task, 'local/d/run')).mode & 0o777).toBe(0o755);
    expect(readlinkSync(join(where.dirs.task, 'local/d/link'))).toBe('run');
  });

  it('may be one file that was packed by itself', async () => {
    const where = place();
    const { url } = await serving(gzipSync('all of it'));
    expect(await fetched(where, { source: `${url}/data.json.gz` })).toContain('to local/data.json');
    expect(readFileSync(join(where.dirs.task, 'local/data.json'), 'utf8')).toBe('all of it');
  });

  it('is left as it is when somebody says so, or asks for a file', async () => {
    const where = place();
    const { url } = await serving(tgzOf([{ name: 'a' }]));
    const source = `${url}/a.tgz`;
    expect(await fetched(where, { source, unpack: 'never' })).toContain('to local/a.tgz');
    const asFile = { source, mode: 'file', destination: 'local/b/c.tgz' } as const;
    expect(await fetched(where, asFile)).toContain('to local/b/c.tgz');
    expect(statSync(join(where.dirs.task, 'local/b/c.tgz')).isFile()).toBe(true);
  });
});

describe('what is refused in an archive', () => {
  it.each<[string, TarEntry[], string]>([
    ['a name with ..', [{ name: '../out' }], '"../out" leads out of the archive'],
    ['a name in the root', [{ name: '/etc/out' }], '"/etc/out" leads out of the archive'],
    [
      'a link to the outside',
      [{ name: 'a/l', type: '2', target: '../../x' }],
      '"a/l" is a link that leads out of the archive, to "../../x"',
    ],
    [
      'a link to the root',
      [{ name: 'l', type: '2', target: '/etc' }],
      '"l" is a link that leads out of the archive, to "/etc"',
    ],
    [
      'a link through a link',
      [
        { name: 'p/q/b', type: '2', target: '../..' },
        { name: 'l', type: '2', target: 'p/q/b/../x' },
      ],
      '"l" is a link that leads out of the archive, to "p/q/b/../x"',
    ],
    [
      'a hard link to the outside',
      [{ name: 'h', type: '1', target: '../../etc/passwd' }],
      '"h" is a hard link to "../../etc/passwd", which is no file of the archive',
    ],
    [
      'a hard link to a link',
      [
        { name: 'l', type: '2', target: 'x' },
        { name: 'h', type: '1', target: 'l' },
      ],
      '"h" is a hard link to "l", which is no file of the archive',
    ],
    [
      'a link that is made through a link',
      [
        { name: 'a', type: '2', target: '.' },
        { name: 'a/b', type: '2', target: '../x' },
      ],
      '"a/b" is below what is a link in the same archive',
    ],
    ['a device', [{ name: 'd', type: '3' }], '"d" is a device, which is not unpacked'],
    ['a pipe', [{ name: 'p', type: '6' }], '"p" is a pipe, which is not unpacked'],
  ])('%s', async (_what, entries, text) => {
    const told = await untarred([{ name: 'fine', content: 'x' }, ...entries]);
    expect(told).toMatch(/^HOOK_FAILED: artifact http:\/\/[^ ]+\/a\.tar\.gz: /);
    expect(told).toContain(text);
  });

  it('a file below what is a link in the same archive', async () => {
    const where = place();
    const { url } = await serving(
      tgzOf([
        { name: 'l', type: '2', target: 'elsewhere' },
        { name: 'l/file', content: 'x' },
      ]),
    );
    expect(await fetched(where, { source: `${url}/a.tgz` })).toContain('cannot unpack "l"');
    expect(lstatSync(where.dirs.task).isDirectory()).toBe(true);
  });

  it.each([
    ['../out', '../out'],
    ['/out', '/out'],
    ['a\\..\\..\\out', 'a'],
  ])('a name of a zip file such as %s', async (name, shown) => {
    const { url } = await serving(zipOf([{ name, content: 'x' }]));
    const told = await fetched(place(), { source: `${url}/a.zip` });
    expect(told).toMatch(/^HOOK_FAILED: /);
    expect(told).toContain(shown);
  });

  it('more files, more bytes or a larger ratio than the agent allows', async () => {
    const entries = Array.from({ length: 5 }, (_one, index) => ({
      name: `f${index}`,
      content: 'x'.repeat(1000),
    }));
    const { url } = await serving(tgzOf(entries));
    const wish = { source: `${url}/a.tgz` };
    const [files, bytes] = [{ maxEntries: 4 }, { maxBytes: 4_999 }];
    expect(await fetched(place(), wish, files)).toContain('holds more than the 4 files allowed');
    expect(await fetched(place(), wish, bytes)).toContain('holds more than the 4999 bytes allowed');
    expect(await fetched(place(), { ...wish, maxBytes: 4_999 })).toContain('4999 bytes');
    const bomb = await serving(gzipSync(Buffer.alloc(101_000_000)));
    const told = await fetched(place(), { source: `${bomb.url}/a.gz` });
    expect(told).toContain('becomes more than 200 times as large as it is: a bomb');
  });

  it('an archive that is damaged, empty or none', async () => {
    const tgz = tgzOf([{ name: 'a', content: 'x'.repeat(100_000) }]);
    const broken = await serving(tgz.subarray(0, tgz.length - 30));
    expect(await fetched(place(), { source: `${broken.url}/a.tgz` })).toMatch(/^HOOK_FAILED: /);
    const none = await serving('hello');
    for (const ending of ['tgz', 'tar', 'zip', 'xz']) {
      const told = await fetched(place(), { source: `${none.url}/a.${ending}` });
      expect(told, ending).toMatch(/^HOOK_FAILED: artifact/);
    }
  });

  it('leaves nothing at the destination', async () => {
    const where = place();
    writeFileSync(join(where.dirs.task, 'keep'), 'x');
    const { url } = await serving(tgzOf([{ name: 'fine' }, { name: '../out' }]));
    await fetched(where, { source: `${url}/a.tgz`, destination: 'new/deep' });
    expect(() => lstatSync(join(where.dirs.task, 'new'))).toThrow('ENOENT');
  });
});

describe('where a link leads', () => {
  const links = new Map([
    ['a', 'b'],
    ['b', 'a'],
    ['deep/up', '..'],
    ['far', 'deep/up/deep/up'],
  ]);
  it.each([
    ['x', 'y/z', false],
    ['x/y', '../z', false],
    ['x', '..', true],
    ['x', 'a', true],
    ['x', 'deep/up/z', false],
    ['x', 'deep/up/..', true],
    ['x', 'far/..', true],
    ['x', '', false],
  ])('%s → %s', (path, target, isOut) => {
    expect(leadsOut(path, target, links)).toBe(isOut);
  });
});
