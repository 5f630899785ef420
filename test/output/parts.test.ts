/** Parts of output: by time, run, end and offset, with what is missing of them. */
import {
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OutputChunk, ReadOutputOptions } from '../../src/output/reader.ts';
import { openOutput, readChunks, textOf, textsOf } from './read-texts.ts';
import { WrittenOutput } from './written-output.ts';

let output: WrittenOutput;
beforeEach(() => {
  output = new WrittenOutput(mkdtempSync(join(tmpdir(), 'holdfast-output-')));
});
afterEach(() => rmSync(output.dir, { recursive: true }));

const open = (options?: Partial<ReadOutputOptions>) => openOutput(output, options);
const read = (options?: Partial<ReadOutputOptions>) => textsOf(open(options));

/** Every run writes its number and begins a segment. */
function writeRuns(count: number): void {
  for (let run = 1; run <= count; run += 1) {
    output.run = run;
    if (run > 1) output.rotate('stdout');
    output.write('stdout', `run ${run}\n`);
    output.now += 1_000;
  }
}

describe('output without marks', () => {
  beforeEach(() => {
    output.write('stdout', 'old\n', { hasMarks: false });
    output.rotate('stdout');
    output.write('stdout', 'new\n', { hasMarks: false });
  });

  it('has no time and no run', async () => {
    const [first] = await readChunks(output);
    expect(first).toMatchObject({ run: 0, at: undefined });
  });

  it('is left out by time only where its file was finished before', async () => {
    utimesSync(output.path('stdout', 0), 1_000, 1_000);
    expect(await read({ sinceMs: 1_000_001 })).toEqual(['new\n']);
    expect(await read({ sinceMs: 999_999 })).toEqual(['old\n', 'new\n']);
    expect(await read({ untilMs: 5 })).toEqual(['old\n', 'new\n']);
  });

  it('may be of any run, unless marks around it say of which', async () => {
    expect(await read({ run: 1 })).toEqual(['old\n', 'new\n']);
    output.run = 2;
    output.rotate('stdout');
    output.write('stdout', 'marked\n');
    expect(await read({ run: 2 })).toEqual(['old\n', 'new\n', 'marked\n']);
    expect(await read({ run: 1 })).toEqual(['old\n', 'new\n']);
    expect(await read({ run: 3 })).toEqual([]);
  });

  it('has both streams in turns, and its last lines of both', async () => {
    for (const line of ['a\n', 'b\n', 'c\n']) output.write('stderr', line, { hasMarks: false });
    expect(await read({ stream: 'both', tail: 3 })).toEqual(['new\n', 'b\nc\n']);
  });
});

describe('a run', () => {
  it('is found in the middle, and the newest goes on for a follower until a later one writes', async () => {
    writeRuns(3);
    expect(await read({ run: 2 })).toEqual(['run 2\n']);
    const chunks = open({ run: 3, follow: true });
    expect(textOf((await chunks.next()).value as OutputChunk)).toBe('run 3\n');
    output.write('stdout', 'more of 3\n');
    output.run = 4;
    output.write('stdout', 'run 4\n');
    expect(await textsOf(chunks)).toEqual(['more of 3\n']);
  });

  it('is over for a follower of a stream in which the next one writes nothing', async () => {
    writeRuns(1);
    let newest = 1;
    const chunks = open({ run: 1, follow: true, stream: 'both', newestRun: () => newest });
    await chunks.next();
    newest = 2;
    expect((await chunks.next()).done).toBe(true);
  });

  it('that was rotated away is a gap, and one that is cut begins with one', async () => {
    writeRuns(4);
    output.purge('stdout', 1);
    expect(await read({ run: 1 })).toEqual(['<rotated null>']);
    expect(await read({ run: 3 })).toEqual(['<rotated null>', 'run 3\n']);
    expect(await read({ run: 4 })).toEqual(['run 4\n']);
    expect(await read()).toEqual(['run 3\n', 'run 4\n']);
  });

  it('that wrote nothing is empty, and no gap', async () => {
    writeRuns(1);
    output.run = 3;
    output.write('stdout', 'run 3\n');
    expect(await read({ run: 2 })).toEqual([]);
    expect(await read({ run: 1, stream: 'stderr' })).toEqual([]);
  });
});

describe('a part by time', () => {
  it('has its last lines though a file behind it has just begun', async () => {
    output.write('stdout', 'within\n');
    const until = output.now;
    output.now += 1_000;
    output.write('stdout', 'later\n');
    output.rotate('stdout');
    expect(await read({ untilMs: until, tail: 1 })).toEqual(['within\n']);
  });

  it('ends for a follower when its end is past, though the task goes on', async () => {
    writeRuns(1);
    let now = output.now;
    const chunks = open({ untilMs: output.now + 150, follow: true, now: () => now });
    expect(textOf((await chunks.next()).value as OutputChunk)).toBe('run 1\n');
    const next = chunks.next();
    output.write('stdout', 'in time\n');
    expect(textOf((await next).value as OutputChunk)).toBe('in time\n');
    now = output.now += 200;
    output.write('stdout', 'late\n');
    expect((await chunks.next()).done).toBe(true);
  });

  it('says that older output of it may be gone', async () => {
    writeRuns(3);
    output.purge('stdout', 1, 'budget');
    expect(await read({ sinceMs: output.now - 1_000 })).toEqual(['run 3\n']);
    expect(await read({ sinceMs: output.now - 5_000 })).toEqual(['<budget null>', 'run 3\n']);
  });
});

describe('what is missing', () => {
  it('was removed for the budget: so many bytes of it are known', async () => {
    writeRuns(5);
    const [first] = await readChunks(output);
    output.purge('stdout', 2, 'budget');
    expect(await read({ from: first?.cursor ?? '' })).toEqual([
      '<budget 12>',
      'run 4\n',
      'run 5\n',
    ]);
    expect((await read({ from: 'stdout:1:4' }))[0]).toBe('<budget 8>');
    output.purge('stdout', 3);
    expect((await read({ from: 'stdout:1:4' }))[0]).toBe('<budget null>');
  });

  it('is told to one who was there before the first byte, though he never saw its file', async () => {
    const chunks = open({ follow: true });
    const next = chunks.next();
    await setTimeout(30);
    output.write('stdout', 'missed\n');
    output.rotate('stdout');
    output.purge('stdout', 0, 'budget');
    output.write('stdout', 'seen\n');
    expect(textOf((await next).value as OutputChunk)).toBe('<budget 7>');
    expect(textOf((await chunks.next()).value as OutputChunk)).toBe('seen\n');
    await chunks.return();
  });

  it('is all of it when the budget took the last file of a task that is over', async () => {
    writeRuns(2);
    output.purge('stdout', 0, 'budget');
    output.rotate('stdout');
    output.purge('stdout', 1, 'budget');
    rmSync(output.path('stdout', 2));
    expect(await read()).toEqual(['<budget 12>']);
    expect(await read({ tail: 3, run: 2 })).toEqual(['<budget 12>']);
    expect(await read({ from: 'stdout:1:2' })).toEqual(['<budget 4>']);
    expect(await read({ from: 'stdout:1:6' })).toEqual([]);
    expect(await read({ from: 'stdout:2:0' })).toEqual([]);
  });

  it('was thrown away at this place, and is told once, as much as it is by then', async () => {
    output.write('stdout', 'kept\n');
    output.drop('stdout', 100);
    const [kept, gap] = await readChunks(output);
    expect([kept?.cursor, gap?.cursor]).toEqual(['stdout:0:5', 'stdout:0:5:100']);
    // The record grows in its place.
    const record = join(output.dir, 'web.stdout.gaps');
    writeFileSync(record, readFileSync(record, 'utf8').replace('"bytes":100', '"bytes":250'));
    output.write('stdout', 'again\n');
    expect(await read()).toEqual(['kept\n', '<disk-full 250>', 'again\n']);
    expect(await read({ from: gap?.cursor ?? '' })).toEqual(['<disk-full 150>', 'again\n']);
    expect(await read({ from: kept?.cursor ?? '' })).toEqual(['<disk-full 250>', 'again\n']);
    expect(await read({ run: 2 })).toEqual([]);
  });

  it('is told to a follower when it is known what comes behind it', async () => {
    output.write('stdout', 'kept\n');
    let over = false;
    const chunks = open({ follow: true, ended: () => over });
    await chunks.next();
    output.drop('stdout', 3);
    output.rotate('stdout');
    output.write('stdout', 'again\n');
    expect(textOf((await chunks.next()).value as OutputChunk)).toBe('<disk-full 3>');
    expect(textOf((await chunks.next()).value as OutputChunk)).toBe('again\n');
    output.drop('stdout', 4);
    over = true;
    expect(await textsOf(chunks)).toEqual(['<disk-full 4>']);
  });

  it('is told to a follower once, though its record grew in its place while he looked', async () => {
    output.write('stdout', 'kept\n');
    const chunks = open({ follow: true });
    await chunks.next();
    output.drop('stdout', 100);
    const next = chunks.next();
    const record = join(output.dir, 'web.stdout.gaps');
    // As of one moment, which the clock of a file system cannot tell apart.
    const moment = new Date(Date.now() + 60_000);
    for (const bytes of [100, 250]) {
      writeFileSync(
        record,
        readFileSync(record, 'utf8').replace('"bytes":100', `"bytes":${bytes}`),
      );
      utimesSync(record, moment, moment);
      await setTimeout(120);
    }
    output.write('stdout', 'again\n');
    expect(textOf((await next).value as OutputChunk)).toBe('<disk-full 250>');
    expect(textOf((await chunks.next()).value as OutputChunk)).toBe('again\n');
    await chunks.return();
  });

  it('is what a damaged compressed file held', async () => {
    writeRuns(3);
    output.pack('stdout', 1);
    const packed = `${output.path('stdout', 1)}.gz`;
    truncateSync(packed, 15);
    expect(await read()).toEqual(['run 1\n', 'run ', '<damaged null>', 'run 3\n']);
    writeFileSync(packed, 'no gzip');
    expect(await read({ tail: 9 })).toEqual(['run 1\n', '<damaged null>', 'run 3\n']);
  });
});

describe('everything that is kept', () => {
  it('begins with what was removed for another reason than rotation', async () => {
    writeRuns(4);
    output.purge('stdout', 0);
    expect(await read()).toEqual(['run 2\n', 'run 3\n', 'run 4\n']);
    output.purge('stdout', 1, 'budget');
    expect(await read()).toEqual(['<budget null>', 'run 3\n', 'run 4\n']);
    expect(await read({ tail: 1 })).toEqual(['run 4\n']);
  });
});
