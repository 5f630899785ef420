import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { bytesWaiting, pipeSize } from '../../src/os/pipes.ts';
import { parseGaps } from '../../src/output/gaps.ts';
import { openFifo, PipeBudget } from '../../src/processes/logmon-host/fifo.ts';
import { Pump } from '../../src/processes/logmon-host/pump.ts';
import { StreamWriter } from '../../src/processes/logmon-host/stream-writer.ts';
import { openWorkshop } from '../../src/processes/logmon-host/workshop.ts';
import { openLaboratory, segmentsOf, until } from '../fixtures/logmon/laboratory.ts';

// Only a file system of our own can be filled without harm, and only root may mount one.
const isRoot = process.geteuid?.() === 0;

const LINE_BYTES = 100;
const lines = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `${String(from + i).padEnd(LINE_BYTES - 1, '.')}\n`).join(
    '',
  );

describe.skipIf(!isRoot)('a disk without a byte left, and output that may be dropped', () => {
  it('never stops a writer, and what is missing stands on that very disk while it is full', async () => {
    using lab = openLaboratory();
    const dir = join(lab.dir, 'small');
    mkdirSync(dir);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dir]);
    const reports: string[] = [];
    const shop = openWorkshop(join(lab.dir, 'purged.jsonl'), (line) => void reports.push(line));
    const pump = new Pump();
    try {
      const fifo = await openFifo(lab.fifo);
      new PipeBudget().widen(fifo);
      const series = { dir, stem: 'web', stream: 'stdout' } as const;
      const policy = { maxFiles: 100, maxFileBytes: 65_536, dropWhenFull: true, run: 2 };
      const writer = new StreamWriter(fifo, { ...series, ...policy }, shop);
      const remove = pump.add(writer);
      const gapsNow = () => parseGaps(readFileSync(join(dir, 'web.stdout.gaps'), 'latin1'));
      let written = 0;
      const room = pipeSize(lab.hold) / 2;
      while (written < 40_000) {
        await until('there is room to write', () => bytesWaiting(lab.hold) < room);
        writeSync(lab.hold, lines(written, 500));
        written += 500;
        await setImmediate();
      }
      expect(writer.blocked).toBeDefined();
      expect(() => writeFileSync(join(dir, 'more'), 'x'.repeat(65_536))).toThrow('ENOSPC');
      const missingThen = gapsNow().reduce((sum, { bytes }) => sum + bytes, 0);
      expect(missingThen + writer.collectedBytes + bytesWaiting(lab.hold)).toBe(
        written * LINE_BYTES,
      );
      execFileSync('mount', ['-o', 'remount,size=64m', dir]);
      await until('it is collected again', () => writer.blocked === undefined);
      await until('all of the rest is', () => writer.waitingBytes === 0);
      const kept = Buffer.concat([...(await segmentsOf(dir))]).toString();
      const missing = gapsNow().reduce((sum, { bytes }) => sum + bytes, 0);
      expect(kept.length + missing).toBe(written * LINE_BYTES);
      expect(gapsNow()[0]).toMatchObject({ reason: 'disk-full', run: 2 });
      expect(reports.filter((line) => line.includes('gap'))).toEqual([]);
      remove();
      await writer.close();
    } finally {
      await pump.close();
      shop.preview.close();
      execFileSync('umount', ['-l', dir]);
    }
  });
});
