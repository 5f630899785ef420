/**
 * The log: durable appends beside a raw file that is synced as often, replay beside a file of JSON lines, and the way
 * from an acknowledged append to a hundred subscribers. Run it alone: `node bench/log.ts`. BENCH_DIR names the disk.
 */
import {
  closeSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { follow$ } from '../src/log/subscription.ts';
import type { EventLog, StoredRow } from '../src/log/event-log.ts';
import { openSqliteEventLog } from '../src/log/sqlite-event-log.ts';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly baseline?: number;
  /** value / baseline */
  readonly ratio?: number;
  readonly target?: number;
}

const STREAMS = 64;
const ROUNDS = 5;

/** Appends of one event each by 64 writers that wait for theirs, and a file synced after every line. */
export async function benchAppends(appends = 40_000): Promise<readonly Figure[]> {
  const rates: number[] = [];
  const rawRates: number[] = [];
  const syncs: number[] = [];
  await inFreshDir(async (dir) => {
    const log = openSqliteEventLog({ path: join(dir, 'log.db') });
    await appendAll(log, STREAMS, 5_000);
    for (let round = 0; round < ROUNDS; round += 1) {
      rawRates.push(rawAppends(join(dir, 'raw'), 500, syncs));
      const begun = performance.now();
      await appendAll(log, STREAMS, appends / ROUNDS);
      rates.push(perSecond(appends / ROUNDS, begun));
    }
    await log.close();
  });
  const name = `durable appends, ${STREAMS} streams at once`;
  return [
    { ...compared(median(rates), median(rawRates)), name, unit: 'events/s', target: 50_000 },
    { name: 'fdatasync of one line, p50', value: round(median(syncs), 3), unit: 'ms' },
  ];
}

/** Every row from disk, checksums checked, into `fold`; beside it, the same rows as lines of JSON, parsed. */
export async function benchReplay(
  fold: (row: StoredRow) => void = () => undefined,
  count = 1_000_000,
): Promise<readonly Figure[]> {
  const rates: number[] = [];
  const lineRates: number[] = [];
  await inFreshDir(async (dir) => {
    const path = join(dir, 'log.db');
    const writer = openSqliteEventLog({ path });
    await appendAll(writer, 10_000, count);
    const lines = join(dir, 'lines');
    writeFileSync(
      lines,
      [...writer.rows()]
        .slice(0, count / 10)
        .map(toLine)
        .join(''),
    );
    await writer.close();
    for (let round = 0; round < 3; round += 1) {
      const log = openSqliteEventLog({ path });
      const begun = performance.now();
      for (const row of log.rows()) fold(row);
      rates.push(perSecond(count, begun));
      await log.close();
      lineRates.push(parseLines(lines, count / 10));
    }
  });
  const name = `replay of ${count} events`;
  return [
    { ...compared(median(rates), median(lineRates)), name, unit: 'events/s', target: 600_000 },
  ];
}

/** From the moment an append is acknowledged until each of the subscribers was called; negative if before. */
export async function benchFollow(subscribers = 100, seconds = 2): Promise<readonly Figure[]> {
  const delays: number[] = [];
  const acknowledged: number[] = [];
  const called: number[][] = [];
  await inFreshDir(async (dir) => {
    const log = openSqliteEventLog({ path: join(dir, 'log.db') });
    const failed = (error: unknown) => console.error(error);
    const events$ = follow$(log, { after: 0, onSubscriberError: failed });
    const subscriptions = Array.from({ length: subscribers }, () =>
      events$.subscribe((event) => (called[event.position] ??= []).push(performance.now())),
    );
    let sent = 0;
    const begun = performance.now();
    while (sent < seconds * 1_000) {
      for (; sent < performance.now() - begun; sent += 1) {
        const stream = `task/follow/t${sent % STREAMS}`;
        void log.append(stream, log.versionOf(stream), [event(sent)]).then(([first]) => {
          acknowledged[first?.position ?? 0] = performance.now();
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    for (const subscription of subscriptions) subscription.unsubscribe();
    await log.close();
  });
  for (const [position, times] of called.entries()) {
    for (const time of times ?? []) delays.push(time - (acknowledged[position] ?? time));
  }
  delays.sort((a, b) => a - b);
  const name = `append to callback, 1,000 events/s to ${subscribers}, p99`;
  const p99 = delays[Math.floor(delays.length * 0.99)] ?? Number.NaN;
  return [
    { name, value: round(p99, 2), unit: 'ms', target: 20 },
    { name: 'callbacks in that run', value: delays.length, unit: 'calls' },
  ];
}

function event(number: number) {
  return {
    type: 'HookCompleted',
    run: 1,
    at: 1_790_000_000_000 + number,
    data: {
      hook: 'task-dir',
      phase: 'prestart',
      tookMs: 3,
      isDone: true,
      env: [],
      state: { dir: `/var/lib/holdfast/allocs/a/${number}` },
    },
  } as const;
}

/** `count` events over so many streams; each stream appends its next event when the last one is durable. */
async function appendAll(log: EventLog, streams: number, count: number): Promise<void> {
  const writeOne = async (index: number) => {
    const stream = `task/6f1a2b3c-5d4e-4f60-8a7b-${String(index).padStart(12, '0')}/web`;
    for (let left = Math.floor(count / streams); left > 0; left -= 1) {
      await log.append(stream, log.versionOf(stream), [event(left)]);
    }
  };
  await Promise.all(Array.from({ length: streams }, (_, index) => writeOne(index)));
}

/** Lines a second, each synced before the next; the time of every sync goes to `syncs`. */
function rawAppends(path: string, count: number, syncs: number[]): number {
  const file = openSync(path, 'a');
  const begun = performance.now();
  for (let index = 0; index < count; index += 1) {
    writeSync(file, `${JSON.stringify(event(index))}\n`);
    const before = performance.now();
    fdatasyncSync(file);
    syncs.push(performance.now() - before);
  }
  closeSync(file);
  return perSecond(count, begun);
}

function parseLines(path: string, count: number): number {
  const begun = performance.now();
  let seen = 0;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line !== '') seen += (JSON.parse(line) as StoredRow).version > 0 ? 1 : 0;
  }
  if (seen !== count) throw new Error(`${seen} lines where ${count} were written`);
  return perSecond(count, begun);
}

function toLine(row: StoredRow): string {
  return `${JSON.stringify({ ...row, data: JSON.parse(row.data) })}\n`;
}

async function inFreshDir(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'log-'));
  try {
    await work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function compared(value: number, baseline: number) {
  return {
    value: Math.round(value),
    baseline: Math.round(baseline),
    ratio: round(value / baseline, 2),
  };
}

function perSecond(count: number, begun: number): number {
  return (count / (performance.now() - begun)) * 1_000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

if (import.meta.main) {
  console.table([...(await benchAppends()), ...(await benchReplay()), ...(await benchFollow())]);
}
