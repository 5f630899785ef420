import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import { makeFifo } from '../../src/os/libc.ts';
import { Packer } from '../../src/processes/logmon-host/packer.ts';
import { until } from '../fixtures/logmon/laboratory.ts';
import { openStream, type StreamRig } from './stream-rig.ts';

const BIG = 200_000;

/** A segment of `BIG` bytes full of the letter. */
const full = (letter: string): string => `${letter.repeat(BIG - 1)}\n`;

const options = { compress: true, maxFileBytes: BIG } as const;

const names = ({ dir }: Pick<StreamRig, 'dir'>): string[] =>
  readdirSync(dir)
    .filter((name) => /^web\.stdout\.\d+(\.gz)?(\.part)?$/.test(name))
    .toSorted();

const textOf = (dir: string, number: number): string =>
  gunzipSync(readFileSync(join(dir, `web.stdout.${number}.gz`))).toString();

describe('a compressed segment', () => {
  it('takes the place of each full one, and holds the same bytes under the same mode', async () => {
    await using rig = await openStream(options);
    for (const letter of 'abc') rig.say(full(letter));
    await until(
      'two are compressed',
      () => names(rig).join() === 'web.stdout.0.gz,web.stdout.1.gz,web.stdout.2',
    );
    expect([textOf(rig.dir, 0), textOf(rig.dir, 1)]).toEqual([full('a'), full('b')]);
    expect(statSync(join(rig.dir, 'web.stdout.0.gz')).mode & 0o777).toBe(0o644);
    expect(existsSync(join(rig.dir, 'web.stdout.0.marks'))).toBe(true);
  });

  it('counts as a file of its series, and is purged like one', async () => {
    await using rig = await openStream({ ...options, maxFiles: 2 });
    for (const letter of 'abcd') {
      rig.say(full(letter));
      const done = letter === 'a' ? '' : '.gz';
      await until('the one before is compressed', () => names(rig)[0]?.endsWith(done) === true);
    }
    await until(
      'the old ones are gone',
      () => names(rig).join() === 'web.stdout.2.gz,web.stdout.3',
    );
  });

  it('is made later of what one that was killed left full', async () => {
    await using rig = await openStream({ maxFileBytes: BIG });
    for (const letter of 'ab') rig.say(full(letter));
    writeFileSync(join(rig.dir, 'web.stdout.0.gz.part'), 'half');
    await rig.reopen({ compress: true });
    await until('it is compressed', () => names(rig).join() === 'web.stdout.0.gz,web.stdout.1');
    expect(textOf(rig.dir, 0)).toBe(full('a'));
  });

  it('wins over the segment when both are there: it has its name because it is whole', async () => {
    await using rig = await openStream({ maxFileBytes: BIG });
    for (const letter of 'ab') rig.say(full(letter));
    writeFileSync(join(rig.dir, 'web.stdout.0.gz'), gzipSync(full('a')));
    await rig.reopen({ compress: true });
    expect(names(rig)).toEqual(['web.stdout.0.gz', 'web.stdout.1']);
  });

  it.each([
    ['of the one that grows', 1, full('b')],
    ['of other bytes', 0, 'something else'],
  ])('that somebody made %s costs nobody a byte', async (_what, number, text) => {
    await using rig = await openStream({ maxFileBytes: BIG });
    for (const letter of 'ab') rig.say(full(letter));
    writeFileSync(join(rig.dir, `web.stdout.${number}.gz`), gzipSync(text));
    await rig.reopen();
    expect(readFileSync(join(rig.dir, 'web.stdout.0'), 'utf8')).toBe(full('a'));
    expect(readFileSync(join(rig.dir, 'web.stdout.1'), 'utf8')).toBe(full('b'));
  });

  it('older than the segment beside it is not of it', async () => {
    await using rig = await openStream({ maxFileBytes: BIG });
    for (const letter of 'ab') rig.say(full(letter));
    const packed = join(rig.dir, 'web.stdout.0.gz');
    writeFileSync(packed, gzipSync(full('x')));
    utimesSync(packed, 1, 1);
    await rig.reopen();
    expect(readFileSync(join(rig.dir, 'web.stdout.0'), 'utf8')).toBe(full('a'));
  });
});

describe('packing', () => {
  async function packed(rig: StreamRig, isWanted: () => boolean): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const series = { dir: rig.dir, stem: 'web', stream: 'stdout' } as const;
    const packer = new Packer();
    packer.add({
      series,
      number: 0,
      isWanted,
      packed: () => resolve('packed'),
      failed: (error) => resolve(String(error)),
    });
    await untilIdle(packer);
    return Promise.race([promise, Promise.resolve('nothing')]);
  }

  /** A job behind the one that is watched. */
  const untilIdle = (packer: Packer): Promise<void> =>
    new Promise((resolve) => {
      const series = { dir: '/', stem: 'none', stream: 'stdout' } as const;
      const isWanted = (): boolean => {
        resolve();
        return false;
      };
      packer.add({ series, number: 0, isWanted, packed: resolve, failed: () => resolve() });
    });

  it.each([0, 1, 2, 3])(
    'that is in vain after its step %i leaves nothing behind',
    async (steps) => {
      await using rig = await openStream({ maxFileBytes: BIG });
      for (const letter of 'ab') rig.say(full(letter));
      let asked = 0;
      const isWanted = (): boolean => {
        asked += 1;
        if (asked <= steps) return true;
        // As a purge does it, at any moment.
        for (const name of ['', '.gz'])
          rmSync(join(rig.dir, `web.stdout.0${name}`), { force: true });
        return false;
      };
      await packed(rig, isWanted);
      await until('nothing is under way', () => names(rig).join() === 'web.stdout.1');
    },
  );

  it('is brought to its end with its host, as far as there is time', async () => {
    await using rig = await openStream(options);
    for (const letter of 'abc') rig.say(full(letter));
    await rig.writer.close();
    await rig.shop.packer.finish(10_000);
    expect(names(rig)).toEqual(['web.stdout.0.gz', 'web.stdout.1.gz', 'web.stdout.2']);
  });

  it('that is given up leaves the segment', async () => {
    await using rig = await openStream(options);
    for (const letter of 'ab') rig.say(full(letter));
    await rig.shop.packer.finish(0);
    const rest = names(rig).filter((name) => name.startsWith('web.stdout.0'));
    expect(rest).toHaveLength(1);
    expect(rest[0]).not.toContain('part');
  });

  it.each([
    ['a link', (path: string) => symlinkSync('/etc/passwd', path)],
    ['a FIFO', (path: string) => makeFifo(path)],
    ['a directory', (path: string) => mkdirSync(path)],
  ])('reads no segment that is %s, and does not wait for it', async (_what, make) => {
    await using rig = await openStream({ maxFileBytes: BIG });
    for (const letter of 'ab') rig.say(full(letter));
    rmSync(join(rig.dir, 'web.stdout.0'));
    make(join(rig.dir, 'web.stdout.0'));
    expect(await packed(rig, () => true)).not.toBe('packed');
    expect(existsSync(join(rig.dir, 'web.stdout.0.gz'))).toBe(false);
    expect(lstatSync(join(rig.dir, 'web.stdout.0')).isFile()).toBe(false);
  });
});
