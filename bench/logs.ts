/**
 * Log collection beside what one would use otherwise, in the same run: `node bench/logs.ts [MiB] [rounds] [part of a load's name]`.
 *
 * `dd` writes numbered lines of 100 bytes into FIFOs; a collector brings them to disk. The clock runs from the first
 * writer's start until the last byte is in a file. holdfast rotates at 10 MiB, marks times and syncs; the others do none
 * of it. Rounds are taken in turns, so that a slow moment of the machine hits all of them.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { readdirSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { makeFifo } from '../src/os/libc.ts';
import { listSegments, segmentPath } from '../src/output/segments.ts';
import { type Figure, median, printFigures } from './figures.ts';
import { cat, type Collector, holdfast, readLoop } from './log-collectors.ts';

const MIB = 1_048_576;
const LINE_BYTES = 100;

interface Load {
  readonly name: string;
  readonly blockBytes: number;
  readonly writers: number;
  readonly bytes: number;
  readonly target?: string;
}

function writeSource(path: string, bytes: number): void {
  const file = openSync(path, 'w');
  const perBlock = 10_000;
  for (let line = 0; line * LINE_BYTES < bytes; line += perBlock) {
    const lines = Array.from(
      { length: perBlock },
      (_, i) => `${String(line + i).padEnd(LINE_BYTES - 1, '.')}\n`,
    );
    writeSync(file, lines.join(''));
  }
  closeSync(file);
}

/** CPU seconds of living processes, of all their threads: a hundred brief ones are nothing in clock ticks. */
function cpuSeconds(pids: readonly number[]): number {
  const threads = pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/schedstat`),
  );
  const nanoseconds = threads.map((path) => Number(readFileSync(path, 'latin1').split(' ')[0]));
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e9;
}

function privateMib(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kib = [...text.matchAll(/^Private_\w+:\s+(\d+) kB/gm)].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
  return kib / 1024;
}

function bytesInFiles(dir: string): number {
  return readdirSync(dir)
    .filter((name) => /\.copy$|\.stdout\.\d+$/.test(name))
    .reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
}

interface Measured {
  readonly mbPerSecond: number;
  readonly cpuPerGib: number;
  readonly lostBytes: number;
}

async function measure(collector: Collector, load: Load, source: string): Promise<Measured> {
  const dir = mkdtempSync(join(tmpdir(), 'hf-'));
  const fifos = Array.from({ length: load.writers }, (_, i) => join(dir, `w${i}`));
  for (const fifo of fifos) makeFifo(fifo);
  const holds = fifos.map((fifo) => openSync(fifo, 'r+'));
  const running = await collector.start(dir, fifos);
  try {
    const cpuBefore = cpuSeconds(running.pids);
    const begin = performance.now();
    const count = Math.floor(load.bytes / load.writers / load.blockBytes);
    const bytes = count * load.blockBytes * load.writers;
    const writers = fifos.map((fifo) => writer(source, fifo, load.blockBytes, count));
    await Promise.all(writers);
    while (bytesInFiles(dir) < bytes && performance.now() - begin < 120_000) await setTimeout(2);
    const seconds = (performance.now() - begin) / 1000;
    const cpu = cpuSeconds(running.pids) - cpuBefore;
    const exact = collector !== holdfast || (await sameBytes(dir, source, bytes / load.writers));
    return {
      mbPerSecond: bytes / 1e6 / seconds,
      cpuPerGib: cpu / (bytes / (1024 * MIB)),
      lostBytes: exact ? bytes - bytesInFiles(dir) : NaN,
    };
  } finally {
    await running.stop();
    for (const hold of holds) closeSync(hold);
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function writer(source: string, fifo: string, blockBytes: number, count: number): Promise<void> {
  const options = [
    `if=${source}`,
    `of=${fifo}`,
    `bs=${blockBytes}`,
    `count=${count}`,
    'conv=notrunc',
  ];
  return new Promise((resolve, reject) => {
    spawn('dd', options, { stdio: 'ignore' })
      .once('error', reject)
      .once('exit', () => resolve());
  });
}

/** Is what the first task has in its segments what was written? */
async function sameBytes(dir: string, source: string, bytes: number): Promise<boolean> {
  const series = { dir, stem: 'w0', stream: 'stdout' } as const;
  const got = createHash('sha1');
  for (const { number } of await listSegments(series))
    got.update(readFileSync(segmentPath(series, number)));
  const wanted = createHash('sha1');
  const file = openSync(source, 'r');
  const block = Buffer.allocUnsafe(MIB);
  for (let at = 0; at < bytes;) {
    const count = readSync(file, block, 0, Math.min(MIB, bytes - at), at);
    wanted.update(block.subarray(0, count));
    at += count;
  }
  closeSync(file);
  return got.digest('hex') === wanted.digest('hex');
}

/** Private memory, and the CPU of three quiet seconds, of a host that collects both streams of 100 idle tasks. */
async function idle(): Promise<readonly Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), 'hf-'));
  const fifos = Array.from({ length: 100 }, (_, i) => join(dir, `w${i}`));
  for (const fifo of fifos) makeFifo(fifo);
  const running = await holdfast.start(dir, fifos);
  await setTimeout(1000);
  const before = cpuSeconds(running.pids);
  await setTimeout(3000);
  const cpu = (cpuSeconds(running.pids) - before) / 3;
  const mib = privateMib(running.pids[0] ?? 0);
  await running.stop();
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  return [
    { name: 'idle with 200 FIFOs, private memory', value: mib, unit: 'MiB' },
    { name: 'idle with 200 FIFOs, CPU', value: cpu * 100, unit: '% of a core' },
  ];
}

/** Rate and CPU of one load, each beside the two others. Throws when a byte is lost. */
async function figuresOf(load: Load, rounds: number, source: string): Promise<readonly Figure[]> {
  const collectors = [holdfast, cat, readLoop];
  const measured = collectors.map((): Measured[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, collector] of collectors.entries())
      measured[index]?.push(await measure(collector, load, source));
  }
  const [own = [], ...others] = measured;
  const lostBytes = own.reduce((sum, one) => sum + one.lostBytes, 0);
  if (lostBytes !== 0) throw new Error(`${load.name}: ${lostBytes} bytes are lost`);
  const values = [
    { unit: 'MB/s', of: ({ mbPerSecond }: Measured) => mbPerSecond, target: load.target },
    { unit: 'CPU s/GiB', of: ({ cpuPerGib }: Measured) => cpuPerGib, target: undefined },
  ];
  return values.flatMap(({ unit, of, target }) =>
    others.map((other, index) => ({
      name: load.name,
      value: median(own.map(of)),
      unit,
      baseline: { name: collectors[index + 1]?.name ?? '', value: median(other.map(of)) },
      ...(target === undefined || index > 0 ? {} : { target }),
    })),
  );
}

async function run(mib: number, rounds: number, wanted: string): Promise<void> {
  const bytes = mib * MIB;
  const loads: readonly Load[] = [
    { name: '1 writer, 4 KiB', blockBytes: 4096, writers: 1, bytes, target: '>= 1,000' },
    { name: '1 writer, 100 B', blockBytes: 100, writers: 1, bytes, target: '>= 140' },
    { name: '100 writers, 4 KiB', blockBytes: 4096, writers: 100, bytes },
    { name: '100 writers, 100 B', blockBytes: 100, writers: 100, bytes },
  ];
  const source = join(mkdtempSync(join(tmpdir(), 'hf-source-')), 'lines');
  writeSource(source, bytes);
  try {
    for (const load of loads.filter(({ name }) => name.includes(wanted)))
      printFigures(await figuresOf(load, rounds, source));
  } finally {
    rmSync(join(source, '..'), { recursive: true });
  }
  printFigures(await idle());
}

const [mib, rounds, wanted] = process.argv.slice(2);
await run(Number(mib ?? 256), Number(rounds ?? 3), wanted ?? '');
