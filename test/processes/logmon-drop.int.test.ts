import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { bytesWaiting, ERRNO, pipeSize, spliceToFile } from '../../src/os/pipes.ts';
import { formatGap, type GapRecord, parseGaps } from '../../src/output/gaps.ts';
import { type Mover, spliceMover } from '../../src/processes/logmon-host/mover.ts';
import { CopyMover } from '../../src/processes/logmon-host/copy-pump.ts';
import { until } from '../fixtures/logmon/laboratory.ts';
import { openStream, type StreamRig } from './stream-rig.ts';

/** A disk that takes nothing while it is full. */
class Disk {
  isFull = false;
  reason: number = ERRNO.ENOSPC;
  readonly mover: Mover = {
    ...spliceMover,
    move: (...args) => (this.isFull ? -this.reason : spliceToFile(...args)),
  };
}

const gapsOf = ({ dir }: StreamRig): GapRecord[] =>
  parseGaps(readFileSync(join(dir, 'web.stdout.gaps'), 'utf8'));
const textOf = ({ dir }: StreamRig): string => readFileSync(join(dir, 'web.stdout.0'), 'utf8');

const LINE = `${'x'.repeat(99)}\n`;
const numbered = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `${String(from + i).padEnd(99, '.')}\n`).join('');

/** Turns until the disk is tried again: a stream that drops waits in between. */
async function untilHealed(rig: StreamRig): Promise<void> {
  await until('it is collected again', () => {
    rig.writer.turn(true);
    return rig.writer.blocked === undefined && rig.writer.waitingBytes === 0;
  });
}

describe('a stream that may be dropped, on a full disk', () => {
  it('keeps what fits into its FIFO, throws whole lines away, and says how many bytes', async () => {
    const disk = new Disk();
    await using rig = await openStream({ dropWhenFull: true, run: 4, mover: disk.mover });
    rig.say(numbered(0, 10));
    disk.isFull = true;
    const size = pipeSize(rig.hold);
    let written = 10;
    for (; written * 100 < 3 * size; written += 100) {
      // Never more than there is room for: a program would not have waited.
      expect(bytesWaiting(rig.hold) + 10_000).toBeLessThan(size);
      rig.say(numbered(written, 100));
    }
    disk.isFull = false;
    await untilHealed(rig);
    rig.say(numbered(written, 1));
    const lines = textOf(rig).split('\n').slice(0, -1);
    const [gap, ...others] = gapsOf(rig);
    expect(others).toEqual([]);
    expect(gap).toMatchObject({ reason: 'disk-full', segment: 0, offset: 1000, run: 4 });
    const missing = (gap?.bytes ?? 0) / 100;
    const kept = Array.from({ length: written + 1 }, (_, i) => i).filter(
      (i) => i < 10 || i >= 10 + missing,
    );
    expect(lines.map((line) => Number.parseInt(line, 10))).toEqual(kept);
    expect(missing).toBeGreaterThan(written / 2);
  });

  it('throws nothing away as long as there is room to write', async () => {
    const disk = new Disk();
    await using rig = await openStream({ dropWhenFull: true, mover: disk.mover });
    disk.isFull = true;
    for (let i = 0; i < 50; i += 1) rig.say(LINE);
    disk.isFull = false;
    await untilHealed(rig);
    expect(textOf(rig)).toBe(LINE.repeat(50));
    expect(gapsOf(rig)).toEqual([]);
    await rig.writer.close();
    expect(existsSync(join(rig.dir, 'web.stdout.gaps'))).toBe(false);
  });

  it('has told of what it throws away before it does, and goes on where one was killed', async () => {
    const disk = new Disk();
    await using rig = await openStream({ dropWhenFull: true, mover: disk.mover });
    disk.isFull = true;
    const total = 3 * pipeSize(rig.hold);
    for (let bytes = 0; bytes < total; bytes += LINE.length * 500) rig.say(LINE.repeat(500));
    const missing = Math.ceil(total / 50_000) * 50_000 - bytesWaiting(rig.hold);
    // Nothing of what it knows is in memory only.
    expect(gapsOf(rig).map(({ bytes }) => bytes)).toEqual([missing]);
    await rig.reopen();
    rig.say(LINE.repeat(Math.floor(bytesWaiting(rig.hold) / 100)));
    disk.isFull = false;
    await untilHealed(rig);
    const sum = gapsOf(rig).reduce((bytes, gap) => bytes + gap.bytes, 0);
    expect(sum).toBeGreaterThanOrEqual(missing);
    expect(textOf(rig).length % 100).toBe(0);
  });

  it.each(['EROFS', 'EIO', 'EDQUOT'] as const)('is one for %s too', async (reason) => {
    const disk = new Disk();
    disk.reason = ERRNO[reason];
    await using rig = await openStream({ dropWhenFull: true, mover: disk.mover });
    disk.isFull = true;
    for (let i = 0; i < 100; i += 1) rig.say(LINE.repeat(100));
    expect(gapsOf(rig)).toHaveLength(1);
  });

  it('throws away the rest of a task that is over, and says so', async () => {
    const disk = new Disk();
    await using rig = await openStream({ dropWhenFull: true, mover: disk.mover });
    disk.isFull = true;
    rig.say(LINE.repeat(10));
    expect(rig.writer.dropRest()).toBe(true);
    expect(bytesWaiting(rig.hold)).toBe(0);
    expect(gapsOf(rig)).toMatchObject([{ bytes: 1000, segment: 0, offset: 0 }]);
    expect(rig.writer.passedBytes).toBe(1000);
  });

  it('keeps nothing behind a gap that cannot be recorded', async () => {
    const disk = new Disk();
    await using rig = await openStream({ dropWhenFull: true, mover: disk.mover });
    const path = join(rig.dir, 'web.stdout.gaps');
    const reserved = readFileSync(path);
    rmSync(path);
    mkdirSync(path);
    disk.isFull = true;
    for (let i = 0; i < 100; i += 1) rig.say(LINE.repeat(100));
    disk.isFull = false;
    await until('it is tried again', () => rig.writer.turn(true).retryMs === 20);
    expect(textOf(rig)).toBe('');
    rmSync(path, { recursive: true });
    writeFileSync(path, reserved);
    await untilHealed(rig);
    const missing = gapsOf(rig).reduce((bytes, gap) => bytes + gap.bytes, 0);
    expect(missing + textOf(rig).length).toBe(1_000_000);
  });

  it('that is copied loses what was on its way with the rest, and says so', async () => {
    let isFull = false;
    const copy = new CopyMover();
    const full = openSync('/dev/full', 'r+');
    const mover: Mover = {
      way: 'copy',
      get pendingBytes() {
        return copy.pendingBytes;
      },
      forget: () => copy.forget(),
      move: (fifo, file, offset, bytes) => {
        return copy.move(fifo, isFull ? full : file, offset, bytes);
      },
    };
    await using rig = await openStream({ dropWhenFull: true, mover });
    isFull = true;
    for (let i = 0; i < 100; i += 1) rig.say(LINE.repeat(100));
    isFull = false;
    await untilHealed(rig);
    const missing = gapsOf(rig).reduce((bytes, gap) => bytes + gap.bytes, 0);
    expect(missing).toBeGreaterThan(0);
    expect(missing + textOf(rig).length).toBe(1_000_000);
    closeSync(full);
  });
});

describe('a file of gaps that grew', () => {
  it('is written anew with fewer records, and keeps room for one', async () => {
    await using rig = await openStream();
    const path = join(rig.dir, 'web.stdout.gaps');
    const one = { reason: 'budget', offset: 0, bytes: 10, from: 1, until: 1, run: 1 } as const;
    const many = Array.from({ length: 1000 }, (_, segment) => formatGap({ ...one, segment }));
    writeFileSync(path, many.join(''));
    writeFileSync(`${path}.part`, 'left behind');
    await rig.reopen({ dropWhenFull: true });
    // The newest number may be known from nowhere else.
    expect(gapsOf(rig)).toEqual([
      { ...one, segment: 0, bytes: 9_990 },
      { ...one, segment: 999 },
    ]);
    expect(readFileSync(path, 'utf8').endsWith(`${' '.repeat(255)}\n`)).toBe(true);
    expect([existsSync(`${path}.part`), rig.reports]).toEqual([false, []]);
  });
});

describe('a stream that waits', () => {
  it('throws nothing away on a full disk, and makes no room for gaps', async () => {
    const disk = new Disk();
    await using rig = await openStream({ mover: disk.mover });
    disk.isFull = true;
    const size = pipeSize(rig.hold);
    writeSync(rig.hold, 'y'.repeat(size));
    expect(rig.writer.turn().end).toBe('blocked');
    expect(rig.writer.dropRest()).toBe(false);
    expect(bytesWaiting(rig.hold)).toBe(size);
    expect(existsSync(join(rig.dir, 'web.stdout.gaps'))).toBe(false);
  });
});
