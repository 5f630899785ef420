import { once } from 'node:events';
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { bytesWaiting } from '../../src/os/pipes.ts';
import {
  firstWords,
  killed,
  openLaboratory,
  segmentsOf,
  start,
  until,
} from '../fixtures/logmon/laboratory.ts';

const KILLS = 30;
const SEGMENT_BYTES = 1_048_576;

describe('a pump that is killed', () => {
  it('loses, repeats and tears nothing, however often and whenever it is killed', async () => {
    using lab = openLaboratory();
    const stop = join(lab.dir, 'stop');
    const writer = start('numbered-lines', lab.fifo, stop);
    const written = firstWords(writer);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const pump = start('pump-process', lab.fifo, lab.dir, 'web', String(SEGMENT_BYTES));
      await firstWords(pump);
      await setTimeout(2 + Math.random() * 30);
      await killed(pump);
    }
    const last = start('pump-process', lab.fifo, lab.dir, 'web', String(SEGMENT_BYTES));
    writeFileSync(stop, '');
    const lines = Number(await written);
    await until('the FIFO is empty', () => bytesWaiting(lab.hold) === 0);
    await killed(last);

    const segments = await segmentsOf(lab.dir);
    expect(segments.length).toBeGreaterThan(KILLS);
    let next = 0;
    for (const [i, segment] of segments.entries()) {
      expect(segment.at(-1)).toBe(10);
      expect(segment.length).toBeLessThanOrEqual(SEGMENT_BYTES);
      const following = segments[i + 1];
      if (following !== undefined) {
        expect(segment.length + following.indexOf(10) + 1).toBeGreaterThan(SEGMENT_BYTES);
      }
      for (const line of segment.toString('latin1').split('\n').slice(0, -1)) {
        if (line !== String(next).padEnd(11 + ((next * 7919) % 300), '.')) {
          throw new Error(`line ${next} of ${lines} is ${line}`);
        }
        next += 1;
      }
    }
    expect(next).toBe(lines);
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
