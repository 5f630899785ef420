/**
 * The log collector is killed again and again under a program that numbers its lines; every byte is in the files, once
 * and in order. The control loses one write, and there must be a gap.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bytesWaiting } from '../../src/os/pipes.ts';
import {
  firstWords,
  killed,
  openLaboratory,
  segmentsOf,
  start,
  until,
} from '../fixtures/logmon/laboratory.ts';
import type { Drill, Findings } from './drill.ts';
import { copyPackage, type Patch } from './patched-copy.ts';

const FIXTURES = new URL('../fixtures/logmon/', import.meta.url).pathname;
const SEGMENT_BYTES = 1_048_576;

/** The second move takes its bytes and tells nobody: the next one writes over them. */
const ONE_LOST_WRITE: readonly Patch[] = [
  {
    file: 'src/processes/logmon-host/mover.ts',
    find: `pendingBytes: 0, move: spliceToFile };`,
    replace: `pendingBytes: 0, move: (from, to, offset, bytes) => {
      const moved = spliceToFile(from, to, offset, bytes);
      return moved > 0 && ++moves === 2 ? -ERRNO.EAGAIN : moved;
    } };
    let moves = 0;`,
  },
];

export const logPump: Drill = {
  name: 'log pump',
  promise: 'a log collector that is killed loses, repeats and tears no byte',
  tools: [],
  privileges: [],
  cases: { share: 3, full: 120 },
  async run(findings, cases) {
    await findings.attempt('kills', async () => {
      const fault = await collect(findings, join(FIXTURES, 'pump-process.ts'), cases);
      if (fault !== undefined) throw new Error(fault);
    });
    findings.count('kills', cases);
    const copy = mkdtempSync(join(tmpdir(), 'hf-pump-'));
    try {
      copyPackage(copy, ONE_LOST_WRITE);
      const programs = join(copy, 'test/fixtures/logmon');
      cpSync(FIXTURES, programs, { recursive: true });
      const fault = await collect(findings, join(programs, 'pump-process.ts'), 1);
      findings.control('one lost write', fault !== undefined, fault ?? 'no line was missing');
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  },
};

/** What is wrong with the lines that were collected over so many kills, undefined when nothing is. */
async function collect(
  findings: Findings,
  pump: string,
  kills: number,
): Promise<string | undefined> {
  using lab = openLaboratory();
  const stop = join(lab.dir, 'stop');
  const writer = start('numbered-lines', lab.fifo, stop);
  const written = firstWords(writer);
  const startPump = async () => {
    const args = [pump, lab.fifo, lab.dir, 'web', String(SEGMENT_BYTES)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await firstWords(child);
    return child;
  };
  for (let kill = 0; kill < kills; kill += 1) {
    const child = await startPump();
    await delay(20 + findings.between(0, 30));
    await killed(child);
  }
  const last = await startPump();
  writeFileSync(stop, '');
  const lines = Number(await written);
  await until('the FIFO is empty', () => bytesWaiting(lab.hold) === 0);
  await killed(last);
  findings.count('lines', lines);
  return faultInLines(Buffer.concat([...(await segmentsOf(lab.dir))]).toString('latin1'), lines);
}

function faultInLines(text: string, lines: number): string | undefined {
  const found = text.split('\n').slice(0, -1);
  for (const [index, line] of found.entries()) {
    if (line === String(index).padEnd(11 + ((index * 7_919) % 300), '.')) continue;
    return `line ${index} of ${lines} is ${line.slice(0, 40)}`;
  }
  return found.length === lines ? undefined : `${found.length} lines of ${lines}`;
}
