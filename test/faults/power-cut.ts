/**
 * Power cuts. A file system of its own lies in a file; while a program writes to it everything is stopped, the file is
 * copied, and the copy is what a machine would find after the power came back: what was not synced is not in it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { layoutOf } from '../../src/layout.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openStore } from '../../src/log/open-store.ts';
import { readExit, runDirectory } from '../../src/os/run-directory.ts';
import { silentLogger } from '../../src/ports.ts';
import type { Drill, Findings } from './drill.ts';
import type { Patch } from '../patch.ts';
import { copyPackage } from './patched-copy.ts';
import { signalAll } from './processes.ts';

const PACKAGE = new URL('../../', import.meta.url).pathname;

/** Nothing reaches the disk by itself within a drill. */
const MOUNT_OPTIONS = 'loop,commit=1000';

/** The store syncs its write-ahead log only before a checkpoint: SQLite's own habit, and not enough. */
const NORMAL: readonly Patch[] = [
  {
    file: 'src/log/sqlite.ts',
    find: `connection.pragma('synchronous = FULL')`,
    replace: `connection.pragma('synchronous = NORMAL')`,
  },
  { file: 'src/log/sqlite.ts', find: 'synchronous === 2', replace: 'synchronous === 1' },
];

export const powerCuts: Drill = {
  name: 'power cuts',
  promise: 'a power cut loses no acknowledged event, accepted alloc or recorded end',
  tools: ['mkfs.ext4', 'mount'],
  privileges: ['loop device'],
  mutants: [NORMAL],
  cases: { share: 4, full: 100 },
  async run(findings, cases) {
    for (let number = 0; number < cases; number += 1) {
      const kind = number % 2 === 0 ? 'log' : 'agent';
      await findings.attempt(`${kind} ${number}`, () => oneCut(findings, kind));
    }
    await control(findings);
  },
};

/** A disk that can be copied in the middle of whatever is done to it. */
class Disk {
  readonly home = mkdtempSync(join(tmpdir(), 'hf-cut-'));
  readonly place = join(this.home, 'd');
  readonly #image = join(this.home, 'image');

  constructor() {
    execFileSync('truncate', ['-s', '64M', this.#image]);
    execFileSync('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0', this.#image]);
    mkdirSync(this.place);
    execFileSync('mount', ['-o', MOUNT_OPTIONS, this.#image, this.place]);
  }

  /** Everything that writes here is stopped and the disk as it is now is mounted elsewhere; its path. */
  cut(): string {
    signalAll(this.home, 'SIGSTOP');
    const copy = join(this.home, 'copy');
    const image = `${copy}.image`;
    execFileSync('cp', ['--sparse=always', this.#image, image]);
    mkdirSync(copy);
    execFileSync('mount', ['-o', 'loop', image, copy]);
    return copy;
  }

  [Symbol.dispose](): void {
    signalAll(this.home, 'SIGKILL');
    for (const name of ['copy', 'd']) {
      const place = join(this.home, name);
      if (existsSync(place)) spawnQuietly('umount', ['-l', place]);
    }
    rmSync(this.home, { recursive: true, force: true, maxRetries: 10 });
  }
}

function spawnQuietly(command: string, args: readonly string[]): void {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
  } catch {
    // It was not mounted.
  }
}

/** A program of the rig that writes to a disk, and the whole lines it has said. */
class Writer {
  #text = '';
  #errors = '';
  readonly #child: ChildProcess;

  constructor(root: string, program: string, ...args: readonly string[]) {
    const path = join(root, 'test/faults/programs', program);
    this.#child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#text += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
  }

  /** What it said before it was stopped, once the pipe is empty; a writer that ended by itself is an error. */
  async words(): Promise<readonly string[]> {
    for (let seen = -1; seen !== this.#text.length; await delay(20)) seen = this.#text.length;
    if (this.#child.exitCode !== null) throw new Error(`the writer ended: ${this.#errors}`);
    return this.#text.split('\n').slice(0, -1);
  }

  async firstWords(): Promise<void> {
    for (;;) {
      if ((await this.words()).length > 0) return;
    }
  }
}

async function oneCut(findings: Findings, kind: 'log' | 'agent'): Promise<void> {
  using disk = new Disk();
  const writer =
    kind === 'log'
      ? new Writer(PACKAGE, 'log-writer.ts', disk.place, String(findings.between(1, 1e9)))
      : new Writer(PACKAGE, 'batch-agent.ts', disk.place);
  // One in five is cut while the store or the data directory is being made.
  const isEarly = findings.random() < 0.2;
  if (!isEarly) await writer.firstWords();
  await delay(findings.between(0, isEarly ? 300 : 1_200));
  const copy = disk.cut();
  const words = await writer.words();
  findings.count('cuts');
  if (kind === 'log') {
    const { acknowledged, lost } = await checkLog(copy, words);
    findings.count('events acknowledged', acknowledged);
    findings.count('acknowledged events lost', lost.length);
    if (lost.length > 0) throw new Error(`${lost.length} lost, first ${lost[0]}`);
  } else {
    await checkAgent(findings, copy, words);
  }
}

async function open(dir: string): Promise<EventLog> {
  const { log, damage } = await openStore({ dir, logger: silentLogger });
  if (damage !== undefined) throw new Error(`the store is damaged: ${damage.reason}`);
  return log;
}

/** Every acknowledged event is there with its text; of a stream that may have been removed, all or nothing. */
async function checkLog(
  dir: string,
  words: readonly string[],
): Promise<{ acknowledged: number; lost: readonly string[] }> {
  const log = await open(dir);
  const kept = new Set<string>();
  const removed = new Set<string>();
  for (const row of log.rows()) {
    if (row.type === 'HookMessage') kept.add((JSON.parse(row.data) as { message: string }).message);
    if (row.type !== 'StoreCompacted') continue;
    for (const stream of (JSON.parse(row.data) as { streams: string[] }).streams) {
      removed.add(stream);
    }
  }
  await log.close();
  const acknowledged = words.filter((line) => !line.startsWith('compacted '));
  const lost = acknowledged.filter(
    (line) => !kept.has(line) && !removed.has(line.split(' ', 1)[0] ?? ''),
  );
  return { acknowledged: acknowledged.length, lost };
}

async function checkAgent(
  findings: Findings,
  dataDir: string,
  words: readonly string[],
): Promise<void> {
  const { storeDir, stateDir, specDir } = layoutOf(dataDir);
  const log = await open(storeDir);
  const rows = [...log.rows()];
  const epoch = Number(log.getMeta('agentEpoch') ?? 0);
  await log.close();
  const types = new Map(rows.map((row) => [row.position, row.type]));
  const keys = new Map<string, string>();
  const said = (word: string) =>
    words.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(' ').slice(1));
  for (const [position, type] of said('event')) {
    findings.count('events acknowledged');
    if (types.get(Number(position)) === type) continue;
    findings.count('acknowledged events lost');
    throw new Error(`event ${position} ${type} is lost`);
  }
  for (const [agentEpoch] of said('epoch')) {
    if (epoch < Number(agentEpoch)) throw new Error(`epoch ${agentEpoch} came back as ${epoch}`);
  }
  const streams = new Set(rows.map((row) => row.stream));
  for (const [allocId = ''] of said('accepted')) {
    findings.count('allocs accepted');
    if (!streams.has(`alloc/${allocId}`)) throw new Error(`alloc ${allocId} is lost`);
    const isOver = rows.some((row) => row.stream === `alloc/${allocId}` && isEnd(row.type));
    const hasSpec = existsSync(join(specDir, `${allocId}.json`));
    if (!isOver && !hasSpec) throw new Error(`the spec file of ${allocId} is lost`);
  }
  for (const { stream, type, data } of rows) {
    const facts = JSON.parse(data) as { launchKey?: string; exitCode?: number };
    if (type === 'RunStarting') keys.set(stream, facts.launchKey ?? '');
    if (type !== 'TaskExited') continue;
    findings.count('exit records');
    const found = readExit(runDirectory(stateDir, keys.get(stream) ?? ''));
    if (found.is !== 'whole' || found.value.exitCode !== facts.exitCode) {
      throw new Error(`the exit record of ${stream} is ${found.is}`);
    }
  }
}

function isEnd(type: string): boolean {
  return type === 'AllocStopped' || type === 'AllocRemoved';
}

/** The same with commits that are not synced must lose some. */
async function control(findings: Findings): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'hf-normal-'));
  let lost = 0;
  let acknowledged = 0;
  try {
    copyPackage(home, NORMAL);
    for (let tries = 0; tries < 5 && lost === 0; tries += 1) {
      using disk = new Disk();
      const writer = new Writer(home, 'log-writer.ts', disk.place, String(tries + 1));
      await writer.firstWords();
      await delay(300);
      const found = await checkLog(disk.cut(), await writer.words());
      acknowledged += found.acknowledged;
      lost += found.lost.length;
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
  const text = `lost ${lost} of ${acknowledged} acknowledged events`;
  findings.control('synchronous=NORMAL', lost > 0, text);
}
