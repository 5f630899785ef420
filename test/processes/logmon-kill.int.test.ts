import { once } from 'node:events';
import { readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { bytesWaiting } from '../../src/os/pipes.ts';
import {
  collectUnderKills,
  faultInNumberedLines,
  firstWords,
  killed,
  openLaboratory,
  PUMP,
  SEGMENT_BYTES,
  segmentsOf,
  start,
  until,
} from '../fixtures/logmon/laboratory.ts';

const KILLS = 30;

describe('a pump that is killed', () => {
  it('loses, repeats and tears nothing, however often and whenever it is killed', async () => {
    using lab = openLaboratory();
    const lines = await collectUnderKills(lab, PUMP, KILLS, () => 2 + Math.random() * 30);
    const segments = await segmentsOf(lab.dir);
    expect(segments.length).toBeGreaterThan(KILLS);
    for (const [i, segment] of segments.entries()) {
      expect(segment.at(-1)).toBe(10);
      expect(segment.length).toBeLessThanOrEqual(SEGMENT_BYTES);
      const following = segments[i + 1];
      if (following !== undefined) {
        expect(segment.length + following.indexOf(10) + 1).toBeGreaterThan(SEGMENT_BYTES);
      }
    }
    const text = Buffer.concat([...segments]).toString('latin1');
    expect(faultInNumberedLines(text, lines)).toBeUndefined();
  });

  it('loses bytes when it is a loop of read and write: the control', async () => {
    using lab = openLaboratory();
    const file = join(lab.dir, 'copy');
    const pump = start('read-loop-pump', lab.fifo, file);
    const ended = once(pump, 'exit');
    for (const line of ['first\n', 'second\n', 'third\n']) {
      writeSync(lab.hold, line);
      await until('it was read', () => bytesWaiting(lab.hold) === 0);
    }
    await ended;
    expect(bytesWaiting(lab.hold)).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('first\nsecond\n');
  });
});

describe('two pumps on one FIFO', () => {
  it('never read both: the second gives up while the first lives and goes on where it was killed', async () => {
    using lab = openLaboratory();
    const first = start('pump-process', lab.fifo, lab.dir, 'web', '1000');
    await firstWords(first);
    const second = start('pump-process', lab.fifo, lab.dir, 'web', '1000');
    const [code] = await once(second, 'exit');
    expect(code).toBe(1);
    await killed(first);
    writeSync(lab.hold, 'kept\n');
    const third = start('pump-process', lab.fifo, lab.dir, 'web', '1000');
    await until('it is collected', () => bytesWaiting(lab.hold) === 0);
    await killed(third);
    expect(Buffer.concat([...(await segmentsOf(lab.dir))]).toString()).toBe('kept\n');
  });
});
