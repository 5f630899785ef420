import { execFileSync } from 'node:child_process';
import { mkdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { bytesWaiting } from '../../src/os/pipes.ts';
import { openFifo, PipeBudget } from '../../src/processes/logmon-host/fifo.ts';
import { Preview } from '../../src/processes/logmon-host/preview.ts';
import { Pump } from '../../src/processes/logmon-host/pump.ts';
import { StreamWriter } from '../../src/processes/logmon-host/stream-writer.ts';
import { openWorkshop } from '../../src/processes/logmon-host/workshop.ts';
import { openLaboratory, segmentsOf, until } from '../fixtures/logmon/laboratory.ts';

// Only a file system of our own can be filled without harm, and only root may mount one.
const isRoot = process.geteuid?.() === 0;

describe.skipIf(!isRoot)('a full disk', () => {
  it('stops a stream, loses nothing, is reported once, and is forgotten when there is room', async () => {
    using lab = openLaboratory();
    const dir = join(lab.dir, 'small');
    mkdirSync(dir);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', dir]);
    const reports: string[] = [];
    const pump = new Pump();
    const preview = new Preview();
    try {
      const fifo = await openFifo(lab.fifo);
      new PipeBudget().widen(fifo);
      const options = {
        dir,
        stem: 'web',
        stream: 'stdout',
        maxFiles: 100,
        maxFileBytes: 65_536,
      } as const;
      const report = (line: string): void => void reports.push(line);
      const shop = { ...openWorkshop(join(lab.dir, 'purged.jsonl'), report), preview };
      const writer = new StreamWriter(fifo, options, shop);
      const remove = pump.add(writer);
      const text = Array.from({ length: 5000 }, (_, i) => `${i} of many lines\n`)
        .join('')
        .slice(0, 60_000);
      for (let i = 0; i < 5; i += 1) writeSync(lab.hold, text);
      await until('the disk is full', () => writer.blocked !== undefined);
      await until('it was tried again', () => writer.turn().end === 'blocked');
      expect(writer.collectedBytes + bytesWaiting(lab.hold)).toBe(300_000);
      expect(bytesWaiting(lab.hold)).toBeGreaterThan(100_000);
      expect(reports).toHaveLength(1);
      execFileSync('mount', ['-o', 'remount,size=1m', dir]);
      await until('all of it is collected', () => writer.collectedBytes === 300_000);
      expect(Buffer.concat([...(await segmentsOf(dir))]).toString()).toBe(text.repeat(5));
      remove();
      await writer.close();
    } finally {
      await pump.close();
      preview.close();
      execFileSync('umount', ['-l', dir]);
    }
  });
});
