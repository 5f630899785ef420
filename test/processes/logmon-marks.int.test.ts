import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { existsSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { makeFifo } from '../../src/os/libc.ts';
import { decodeMarks, type Mark } from '../../src/output/marks.ts';
import { openStream } from './stream-rig.ts';

afterEach(() => void vi.useRealTimers());

const START = Date.UTC(2026, 10, 22);

function clockAt(atMs: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: START + atMs });
}

const marksOf = (dir: string, number = 0): Mark[] =>
  decodeMarks(readFileSync(join(dir, `web.stdout.${number}.marks`)));

describe('the marks of a segment', () => {
  it('say when bytes were collected, at most every 100 ms', async () => {
    clockAt(0);
    await using rig = await openStream({ run: 3 });
    rig.say('one\n');
    clockAt(99);
    rig.say('two\n');
    clockAt(100);
    rig.say('three\n');
    expect(marksOf(rig.dir)).toEqual([
      { offset: 0, at: START, spanMs: 100, run: 3 },
      { offset: 8, at: START + 100, spanMs: 100, run: 3 },
    ]);
    expect(lstatSync(join(rig.dir, 'web.stdout.0.marks')).mode & 0o777).toBe(0o644);
  });

  it('begin anew when a clock is set back: no mark is later than its bytes', async () => {
    clockAt(5_000);
    await using rig = await openStream({ run: 1 });
    rig.say('later\n');
    clockAt(0);
    rig.say('earlier\n');
    expect(marksOf(rig.dir).map(({ offset, at }) => [offset, at - START])).toEqual([
      [0, 5_000],
      [6, 0],
    ]);
  });

  it('stand exactly in front of the first byte of the next run, whatever was waiting then', async () => {
    clockAt(0);
    await using rig = await openStream({ run: 1 });
    rig.say('first run\n');
    writeSync(rig.hold, 'its last words\n');
    rig.writer.beginRun(2);
    // An agent that is late, or asks twice, changes nothing.
    rig.writer.beginRun(1);
    rig.writer.beginRun(2);
    rig.say('second run\n');
    rig.writer.beginRun(3);
    rig.say('third run\n');
    expect(marksOf(rig.dir).map(({ offset, run }) => [offset, run])).toEqual([
      [0, 1],
      [25, 2],
      [36, 3],
    ]);
  });

  it('go on behind a torn record, and over marks of bytes that never came', async () => {
    clockAt(0);
    await using rig = await openStream({ run: 1 });
    rig.say('one\n');
    const path = join(rig.dir, 'web.stdout.0.marks');
    const far = Buffer.from(readFileSync(path));
    far.writeUIntBE(999, 0, 6);
    appendFileSync(path, far);
    appendFileSync(path, 'torn');
    clockAt(1_000);
    await rig.reopen();
    rig.say('two\n');
    expect(readFileSync(path).length).toBe(32);
    expect(marksOf(rig.dir).map(({ offset }) => offset)).toEqual([0, 4]);
  });

  it('begin every segment, and go with it', async () => {
    await using rig = await openStream({ run: 1, maxFileBytes: 10, maxFiles: 2 });
    for (const word of ['aaaaaaaa\n', 'bbbbbbbb\n', 'cccccccc\n']) rig.say(word);
    await vi.waitUntil(() => !existsSync(join(rig.dir, 'web.stdout.0.marks')));
    expect([1, 2].map((number) => marksOf(rig.dir, number)[0]?.offset)).toEqual([0, 0]);
  });

  it('are given up, which is said once, when something else has their name, and cost no byte', async () => {
    await using rig = await openStream({ run: 1 });
    const path = join(rig.dir, 'web.stdout.0.marks');
    writeFileSync(join(rig.dir, 'victim'), 'mine');
    symlinkSync(join(rig.dir, 'victim'), path);
    rig.say('one\n');
    rig.say('two\n');
    expect(readFileSync(join(rig.dir, 'web.stdout.0'), 'utf8')).toBe('one\ntwo\n');
    expect(readFileSync(join(rig.dir, 'victim'), 'utf8')).toBe('mine');
    expect(rig.reports).toHaveLength(1);
    rmSync(path);
    makeFifo(path);
    await rig.reopen();
    rig.say('three\n');
    expect(lstatSync(path).isFIFO()).toBe(true);
  });
});

describe('the stable name', () => {
  it('leads to the newest segment, relative to its directory, and replaces what a kill left', async () => {
    await using rig = await openStream({ maxFileBytes: 10 });
    const name = join(rig.dir, 'web.stdout');
    symlinkSync('web.stdout.99', `${name}.link`);
    rig.say('aaaaaaaa\n');
    expect(readlinkSync(name)).toBe('web.stdout.0');
    rig.say('bbbbbbbb\n');
    expect(readlinkSync(name)).toBe('web.stdout.1');
    expect(readFileSync(name, 'utf8')).toBe('bbbbbbbb\n');
    expect(existsSync(`${name}.link`)).toBe(false);
  });

  it.each([
    ['a file', (path: string) => writeFileSync(path, 'theirs')],
    ['a link of somebody else', (path: string) => symlinkSync('/etc/passwd', path)],
    ['a directory', (path: string) => mkdirSync(path)],
  ])('that is %s stays what it is, which is said once', async (_what, make) => {
    await using rig = await openStream({ maxFileBytes: 10 });
    const name = join(rig.dir, 'web.stdout');
    make(name);
    const before = lstatSync(name);
    rig.say('aaaaaaaa\n');
    rig.say('bbbbbbbb\n');
    expect(lstatSync(name)).toMatchObject({
      ino: before.ino,
      mode: before.mode,
      size: before.size,
    });
    expect(rig.reports).toHaveLength(1);
  });
});
