import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { makeFifo } from '../../src/os/libc.ts';
import { bytesWaiting, ERRNO, spliceToFile } from '../../src/os/pipes.ts';
import { readOutput } from '../../src/output/reader.ts';
import { openFifo, PipeBudget } from '../../src/processes/logmon-host/fifo.ts';
import { type Mover, spliceMover } from '../../src/processes/logmon-host/mover.ts';
import { Preview } from '../../src/processes/logmon-host/preview.ts';
import { Pump } from '../../src/processes/logmon-host/pump.ts';
import { StreamWriter } from '../../src/processes/logmon-host/stream-writer.ts';
import { openWorkshop, type Workshop } from '../../src/processes/logmon-host/workshop.ts';
import {
  bytesIn,
  type Laboratory,
  openLaboratory,
  segmentsOf,
  until,
} from '../fixtures/logmon/laboratory.ts';

let lab: Laboratory;
let pump: Pump;
let preview: Preview;
let stop: () => Promise<void> = async () => undefined;
let reports: string[] = [];

beforeEach(() => {
  lab = openLaboratory();
  pump = new Pump();
  preview = new Preview();
  reports = [];
});
afterEach(async () => {
  await stop();
  await pump.close();
  preview.close();
  lab[Symbol.dispose]();
});

async function collect(
  maxFileBytes: number,
  more: { maxFiles?: number; mover?: Mover } = {},
): Promise<StreamWriter> {
  const fifo = await openFifo(lab.fifo);
  new PipeBudget().widen(fifo);
  const options = {
    dir: lab.dir,
    stem: 'web',
    stream: 'stdout',
    maxFiles: 1000,
    maxFileBytes,
    ...more,
  } as const;
  const writer = new StreamWriter(fifo, options, shop());
  const remove = pump.add(writer);
  stop = async () => {
    remove();
    await writer.close();
    stop = async () => undefined;
  };
  return writer;
}

function shop(): Workshop {
  const report = (line: string): void => void reports.push(line);
  return { ...openWorkshop(join(lab.dir, 'purged.jsonl'), report), preview };
}

/** Writes as a program does that waits when the pipe is full, but lets this process go on. */
async function writeAll(bytes: Uint8Array, blockBytes: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += blockBytes) {
    while (bytesWaiting(lab.hold) > 30_000) await setImmediate();
    writeSync(lab.hold, bytes.subarray(at, at + blockBytes));
  }
}

const arrived = (bytes: number): Promise<void> =>
  until(`${bytes} bytes are in files`, async () => (await bytesIn(lab.dir)) === bytes);

const lines = (count: number): Buffer =>
  Buffer.from(
    Array.from({ length: count }, (_, i) => `${i} ${'.'.repeat((i * 31) % 190)}\n`).join(''),
  );

describe('a stream', () => {
  it.each([100, 4096, 20_000])(
    'arrives byte for byte through rotation from writes of %i bytes',
    async (block) => {
      await collect(65_536);
      const bytes = lines(10_000);
      await writeAll(bytes, block);
      await arrived(bytes.length);
      const segments = await segmentsOf(lab.dir);
      expect(segments.length).toBeGreaterThan(10);
      for (const segment of segments.slice(0, -1)) {
        expect(segment.length).toBeLessThanOrEqual(65_536);
        expect(segment.at(-1)).toBe(10);
      }
      expect(Buffer.concat([...segments]).equals(bytes)).toBe(true);
    },
  );

  it('has no file before its first byte, and never one when there is none', async () => {
    const silent = await collect(1_000_000);
    expect(silent.turn(true).end).toBe('dry');
    await stop();
    expect(await segmentsOf(lab.dir)).toEqual([]);
    await collect(1_000_000);
    writeSync(lab.hold, 'a word');
    await arrived(6);
    await stop();
    expect((await segmentsOf(lab.dir)).map(String)).toEqual(['a word']);
  });

  it('of bytes that are no text fills its segments and arrives whole', async () => {
    await collect(100_000);
    const bytes = randomBytes(350_000).map((byte) => (byte === 10 ? 11 : byte));
    await writeAll(bytes, 5000);
    await arrived(bytes.length);
    const segments = await segmentsOf(lab.dir);
    expect(segments.map((segment) => segment.length)).toEqual([100_000, 100_000, 100_000, 50_000]);
    expect(Buffer.concat([...segments]).equals(bytes)).toBe(true);
  });

  it('with a line of exactly the limit has it in a segment of its own', async () => {
    await collect(1000);
    const text = `first\n${'x'.repeat(999)}\nlast\n`;
    writeSync(lab.hold, text);
    await arrived(text.length);
    expect((await segmentsOf(lab.dir)).map((segment) => segment.length)).toEqual([6, 1000, 5]);
  });

  it('shows the beginning of a line when the rest does not come', async () => {
    await collect(100);
    writeSync(lab.hold, `${'x'.repeat(89)}\nname? `);
    await arrived(96);
    expect((await segmentsOf(lab.dir)).map(String)).toEqual([`${'x'.repeat(89)}\n`, 'name? ']);
  });

  it('goes on when its writer goes away and another comes', async () => {
    await collect(1_000_000);
    for (const word of ['one\n', 'two\n']) {
      const writer = openSync(lab.fifo, 'a');
      writeSync(writer, word);
      closeSync(writer);
    }
    await arrived(8);
  });

  it('goes on at the true end of the newest file after a restart', async () => {
    writeFileSync(join(lab.dir, 'web.stdout.4'), 'before\n');
    const writer = await collect(1_000_000);
    appendFileSync(lab.fifo, 'after\n');
    await until('it is collected', () => writer.collectedBytes === 6);
    expect((await segmentsOf(lab.dir)).map(String)).toEqual(['before\nafter\n']);
  });

  it('keeps the newest files and passes over a number that is taken', async () => {
    mkdirSync(join(lab.dir, 'web.stdout.1'));
    const writer = await collect(10, { maxFiles: 2 });
    writeSync(lab.hold, 'segment 0\nsegment 2\nsegment 3\nsegment 4\n');
    await until('it is collected', () => writer.collectedBytes === 40);
    await until('old files are gone', async () => (await segmentsOf(lab.dir)).length === 2);
    expect((await segmentsOf(lab.dir)).map(String)).toEqual(['segment 3\n', 'segment 4\n']);
    expect(statSync(join(lab.dir, 'web.stdout.4')).mode & 0o777).toBe(0o644);
  });

  it('is read to the last byte by a follower while it is rotated', async () => {
    const writer = await collect(65_536);
    const bytes = lines(20_000);
    let over = false;
    const follower = (async () => {
      const chunks: Uint8Array[] = [];
      const options = { dir: lab.dir, stem: 'web', stream: 'stdout', follow: true } as const;
      for await (const { data, gap } of readOutput({ ...options, ended: () => over })) {
        expect(gap).toBeUndefined();
        chunks.push(data);
      }
      return Buffer.concat(chunks);
    })();
    await writeAll(bytes, 3000);
    await until('all is collected', () => writer.collectedBytes === bytes.length);
    over = true;
    expect((await follower).equals(bytes)).toBe(true);
  });

  it('is copied where splice does not work, and is the same', async () => {
    const never: Mover = { ...spliceMover, move: () => -ERRNO.EINVAL };
    const writer = await collect(65_536, { mover: never });
    const bytes = lines(3000);
    await writeAll(bytes, 1000);
    await arrived(bytes.length);
    expect(writer.way).toBe('copy');
    expect(Buffer.concat([...(await segmentsOf(lab.dir))]).equals(bytes)).toBe(true);
  });

  it('stays where it is while the disk is full, which is said once', async () => {
    let full = true;
    const move: Mover['move'] = (...args) => (full ? -ERRNO.ENOSPC : spliceToFile(...args));
    const writer = await collect(1000, { mover: { ...spliceMover, move } });
    writeSync(lab.hold, 'patience\n');
    await until('it is tried', () => writer.blocked !== undefined);
    expect(writer.turn().end).toBe('blocked');
    expect(reports).toHaveLength(1);
    expect(reports[0]).toContain('ENOSPC');
    full = false;
    await arrived(9);
    expect(reports.at(-1)).toContain('collecting again');
  });

  it('is left alone while nothing is written, also when nobody has it open any more', async () => {
    let moves = 0;
    const counting: Mover = {
      ...spliceMover,
      move: (...args) => {
        moves += 1;
        return spliceToFile(...args);
      },
    };
    const lonely = join(lab.dir, 'lonely.out');
    makeFifo(lonely);
    const fifo = await openFifo(lonely);
    const quiet = new StreamWriter(
      fifo,
      {
        dir: lab.dir,
        stem: 'lonely',
        stream: 'stdout',
        maxFiles: 1,
        maxFileBytes: 1e6,
        mover: counting,
      },
      shop(),
    );
    const remove = pump.add(quiet);
    appendFileSync(lonely, 'x');
    await until('the byte is collected', () => quiet.collectedBytes === 1);
    const before = moves;
    const busy = await collect(1e6);
    for (let i = 1; i <= 20; i += 1) {
      writeSync(lab.hold, 'tick\n');
      await until('another stream had its turn', () => busy.collectedBytes === i * 5);
    }
    expect(moves).toBe(before);
    remove();
    await quiet.close();
  });
});
