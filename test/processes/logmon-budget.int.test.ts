import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import { makeFifo } from '../../src/os/libc.ts';
import { tryLock } from '../../src/os/pipes.ts';
import { type GapRecord, parseGaps } from '../../src/output/gaps.ts';
import { parsePurges, type Purge } from '../../src/output/purges.ts';
import { openFifo } from '../../src/processes/logmon-host/fifo.ts';
import { PurgeJournal } from '../../src/processes/logmon-host/purge-journal.ts';
import { StreamWriter } from '../../src/processes/logmon-host/stream-writer.ts';
import { until } from '../fixtures/logmon/laboratory.ts';
import { openStream, type StreamRig } from './stream-rig.ts';

const FILE_BYTES = 1000;
const LINE = `${'x'.repeat(99)}\n`;

const gapsIn = (dir: string, name = 'web.stdout'): GapRecord[] =>
  existsSync(join(dir, `${name}.gaps`))
    ? parseGaps(readFileSync(join(dir, `${name}.gaps`), 'utf8'))
    : [];

function purgesOf({ root }: StreamRig): Purge[] {
  const path = join(dirname(root), 'purged.jsonl');
  return existsSync(path) ? parsePurges(readFileSync(path, 'utf8')) : [];
}

/** What all files below hold but the records of gaps. */
function bytesBelow(dir: string): number {
  let bytes = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || entry.name.endsWith('.gaps')) continue;
    bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return bytes;
}

/** Files of a task that nobody writes here. */
function others(rig: StreamRig, sizes: readonly number[], ageMs = 0): string {
  const dir = join(rig.root, 'other');
  mkdirSync(dir, { recursive: true });
  for (const [number, size] of sizes.entries()) {
    const path = join(dir, `db.stderr.${number}`);
    writeFileSync(path, 'y'.repeat(size));
    const at = (Date.now() - ageMs) / 1000;
    utimesSync(path, at, at);
  }
  return dir;
}

const numbersIn = (dir: string, name: string): number[] =>
  readdirSync(dir)
    .map((one) => new RegExp(`^${name}\\.(\\d+)(\\.gz)?$`).exec(one)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .toSorted((a, b) => a - b);

describe('the budget of all output', () => {
  it('is kept by removing the oldest full files, and every one of them is told of twice', async () => {
    await using rig = await openStream({ maxFileBytes: FILE_BYTES, run: 6 });
    rig.shop.budget.set(5_000, rig.root);
    for (let i = 0; i < 200; i += 1) rig.say(LINE);
    await until('what is over is gone', () => bytesBelow(rig.dir) <= 5_000 + FILE_BYTES);
    const gaps = gapsIn(rig.dir);
    const numbers = gaps.map(({ segment }) => segment);
    expect(numbers).toEqual(numbers.map((_, index) => index));
    expect(gaps[0]).toMatchObject({ reason: 'budget', bytes: FILE_BYTES, offset: 0, run: 6 });
    expect(numbersIn(rig.dir, 'web.stdout')[0]).toBe(numbers.length);
    expect(purgesOf(rig)).toEqual(
      numbers.map((number) => ({
        allocId: 'alloc',
        task: 'web',
        stream: 'stdout',
        segments: [number],
        bytes: FILE_BYTES,
      })),
    );
    expect(existsSync(join(rig.dir, 'web.stdout.0.marks'))).toBe(false);
  });

  it('counts what others keep, and takes of them too, but no file that may still grow', async () => {
    await using rig = await openStream({ maxFileBytes: FILE_BYTES });
    const dir = others(rig, [4_000, 4_000, 4_000]);
    rig.say(LINE);
    rig.shop.budget.set(5_000, rig.root);
    await until('theirs are gone', () => numbersIn(dir, 'db.stderr').join() === '2');
    expect(gapsIn(dir, 'db.stderr').map(({ segment, bytes }) => [segment, bytes])).toEqual([
      [0, 4_000],
      [1, 4_000],
    ]);
    expect(purgesOf(rig).map(({ allocId, task }) => `${allocId}/${task}`)).toEqual([
      'other/db',
      'other/db',
    ]);
    expect(gapsIn(rig.dir)).toEqual([]);
  });

  it('takes the last file of a task that is over, and its number is never given again', async () => {
    await using rig = await openStream({ maxFileBytes: FILE_BYTES });
    const dir = others(rig, [9_000], 120_000);
    rig.shop.budget.set(5_000, rig.root);
    await until('it is gone', () => numbersIn(dir, 'db.stderr').length === 0);
    const fifo = join(dirname(rig.root), 'db.err');
    makeFifo(fifo);
    const policy = { maxFiles: 5, maxFileBytes: FILE_BYTES };
    const series = { dir, stem: 'db', stream: 'stderr' } as const;
    const writer = new StreamWriter(await openFifo(fifo), { ...series, ...policy }, rig.shop);
    const hold = openSync(fifo, 'r+');
    writeSync(hold, 'again\n');
    writer.turn(true);
    await writer.close();
    closeSync(hold);
    expect(numbersIn(dir, 'db.stderr')).toEqual([1]);
  });

  it('counts nothing twice that becomes its own, whatever it saw of it before', async () => {
    await using rig = await openStream({ maxFileBytes: FILE_BYTES });
    const dir = others(rig, [2_000, 2_000, 500]);
    const there = others(rig, [900]);
    writeFileSync(join(there, 'other.stdout.0'), 'z'.repeat(3_000));
    writeFileSync(join(there, 'other.stdout.1'), 'z'.repeat(3_000));
    rig.shop.budget.set(8_000, rig.root);
    await until('it has looked', () => existsSync(join(dir, 'other.stdout.gaps')));
    const before = numbersIn(dir, 'db.stderr');
    const fifo = join(dirname(rig.root), 'db.err');
    makeFifo(fifo);
    const series = { dir, stem: 'db', stream: 'stderr' } as const;
    const policy = { maxFiles: 50, maxFileBytes: FILE_BYTES };
    const writer = new StreamWriter(await openFifo(fifo), { ...series, ...policy }, rig.shop);
    for (let i = 0; i < 20; i += 1) rig.say(LINE);
    expect(numbersIn(dir, 'db.stderr')).toEqual(before);
    await writer.close();
  });

  it('never takes a file that somebody writes, however long ago that was', async () => {
    await using rig = await openStream({ maxFileBytes: FILE_BYTES });
    const dir = others(rig, [4_000, 9_000], 120_000);
    const writer = openSync(join(dir, 'db.stderr.1'), 'r+');
    expect(tryLock(writer)).toBe(true);
    rig.shop.budget.set(5_000, rig.root);
    await until('the full one is gone', () => numbersIn(dir, 'db.stderr').join() === '1');
    for (let i = 0; i < 30; i += 1) rig.say(LINE);
    expect(numbersIn(dir, 'db.stderr')).toEqual([1]);
    closeSync(writer);
  });

  it('says of a compressed file how much output it held', async () => {
    await using rig = await openStream({ maxFileBytes: FILE_BYTES });
    const dir = others(rig, []);
    writeFileSync(join(dir, 'db.stderr.0.gz'), gzipSync('z'.repeat(50_000)));
    writeFileSync(join(dir, 'db.stderr.1'), 'y'.repeat(4_990));
    rig.shop.budget.set(5_000, rig.root);
    await until('it is gone', () => numbersIn(dir, 'db.stderr').join() === '1');
    expect(purgesOf(rig)).toMatchObject([{ segments: [0], bytes: 50_000 }]);
  });

  it('is not deceived by links, and reads through none', async () => {
    await using rig = await openStream({ maxFileBytes: FILE_BYTES });
    const dir = others(rig, []);
    const victim = join(dirname(rig.root), 'victim');
    writeFileSync(victim, 'v'.repeat(100_000));
    symlinkSync(victim, join(dir, 'db.stderr.0'));
    symlinkSync(victim, join(dir, 'db.stderr.0.marks'));
    makeFifo(join(dir, 'db.stderr.1'));
    symlinkSync(victim, join(rig.dir, 'web.stdout.gaps'));
    rig.shop.budget.set(2_000, rig.root);
    for (let i = 0; i < 50; i += 1) rig.say(LINE);
    await until('what is over is gone', () => bytesBelow(rig.dir) <= 2_000 + FILE_BYTES);
    expect(readFileSync(victim, 'utf8')).toBe('v'.repeat(100_000));
    expect(rig.reports.join()).toBe(
      'web.stdout: a gap is not recorded: something else has its name',
    );
  });

  it('holds with many writers at full speed: never more over it than one file each', async () => {
    await using rig = await openStream({ maxFileBytes: FILE_BYTES });
    const budgetBytes = 30_000;
    rig.shop.budget.set(budgetBytes, rig.root);
    const writers = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const path = join(dirname(rig.root), `w${i}`);
        makeFifo(path);
        const hold = openSync(path, 'r+');
        const series = { dir: rig.dir, stem: `w${i}`, stream: 'stdout' } as const;
        const options = { ...series, maxFiles: 1000, maxFileBytes: FILE_BYTES };
        return { hold, writer: new StreamWriter(await openFifo(path), options, rig.shop) };
      }),
    );
    const excess: number[] = [];
    for (let round = 0; round < 60; round += 1) {
      for (const { hold, writer } of writers) {
        writeSync(hold, LINE.repeat(5));
        while (writer.turn(true).end === 'more');
      }
      await new Promise(setImmediate);
      excess.push(bytesBelow(rig.dir) - budgetBytes);
    }
    expect(Math.max(...excess)).toBeLessThanOrEqual(writers.length * FILE_BYTES);
    expect(purgesOf(rig).length).toBeGreaterThan(400);
    for (const { hold, writer } of writers) {
      await writer.close();
      closeSync(hold);
    }
  });
});

describe('the journal of what was purged', () => {
  const purge: Purge = { allocId: 'a', task: 't', stream: 'stdout', segments: [1], bytes: 5 };

  it('waits for whoever has its lock, and goes into a new file when the old one was taken', async () => {
    await using rig = await openStream();
    const path = join(rig.root, 'journal');
    const journal = new PurgeJournal(path, () => undefined);
    journal.add(purge);
    const taken = openSync(path, 'r+');
    expect(tryLock(taken)).toBe(true);
    journal.add({ ...purge, segments: [2] });
    expect(parsePurges(readFileSync(path, 'utf8'))).toEqual([purge]);
    closeSync(taken);
    journal.flush();
    expect(parsePurges(readFileSync(path, 'utf8'))).toHaveLength(2);
  });

  it('is never written through a link, which is said once', async () => {
    await using rig = await openStream();
    const path = join(rig.root, 'journal');
    writeFileSync(join(rig.root, 'victim'), '');
    symlinkSync(join(rig.root, 'victim'), path);
    const reports: string[] = [];
    const journal = new PurgeJournal(path, (line) => void reports.push(line));
    journal.add(purge);
    journal.flush();
    expect(readFileSync(join(rig.root, 'victim'), 'utf8')).toBe('');
    expect(reports).toHaveLength(1);
  });
});
