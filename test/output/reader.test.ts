import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type OutputChunk, readOutput, type ReadOutputOptions } from '../../src/output/reader.ts';
import { tries } from '../properties/tries.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-output-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const segment = (number: number, stream = 'stdout'): string => join(dir, `web.${stream}.${number}`);
const write = (number: number, text: string, stream?: string): void =>
  writeFileSync(segment(number, stream), text, 'latin1');

function read(options: Partial<ReadOutputOptions> = {}): AsyncGenerator<OutputChunk, void> {
  return readOutput({ dir, stem: 'web', stream: 'stdout', follow: false, ...options });
}

async function textOf(chunks: AsyncIterable<OutputChunk>, stream = 'stdout'): Promise<string> {
  let text = '';
  for await (const chunk of chunks) {
    if (chunk.stream === stream) text += Buffer.from(chunk.data).toString('latin1');
  }
  return text;
}

async function all(chunks: AsyncIterable<OutputChunk>): Promise<OutputChunk[]> {
  const got: OutputChunk[] = [];
  for await (const chunk of chunks) got.push(chunk);
  return got;
}

async function next(chunks: AsyncIterator<OutputChunk>): Promise<OutputChunk> {
  const { value } = await chunks.next();
  if (value === undefined) throw new Error('the output ended');
  return value as OutputChunk;
}

describe('reading output', () => {
  it('gives the bytes of all segments in order and ends at what was there', async () => {
    for (const [number, text] of ['one\n', 'two\n', 'thr'].entries()) write(number + 8, text);
    expect(await textOf(read())).toBe('one\ntwo\nthr');
  });

  it('ends at once without a directory, unless it follows', async () => {
    expect(await textOf(read({ dir: join(dir, 'later') }))).toBe('');
  });

  it('gives the bytes of both streams, each in its order', async () => {
    write(0, 'out');
    write(0, 'err', 'stderr');
    expect(await textOf(read({ stream: 'both' }), 'stdout')).toBe('out');
    expect(await textOf(read({ stream: 'both' }), 'stderr')).toBe('err');
  });

  it('goes on after any cursor without a hole or a repeat, in both streams', async () => {
    write(0, 'a'.repeat(70_000));
    write(1, 'b'.repeat(10));
    write(0, 'e'.repeat(70_000), 'stderr');
    const chunks: OutputChunk[] = [];
    for await (const chunk of read({ stream: 'both' })) chunks.push(chunk);
    expect(chunks.length).toBeGreaterThan(3);
    for (const [i, chunk] of chunks.entries()) {
      const rest: OutputChunk[] = [];
      for await (const later of read({ stream: 'both', from: chunk.cursor })) rest.push(later);
      const bytes = (some: readonly OutputChunk[], stream: string): number =>
        some.filter((c) => c.stream === stream).reduce((sum, c) => sum + c.data.length, 0);
      for (const stream of ['stdout', 'stderr']) {
        expect(bytes(rest, stream)).toBe(bytes(chunks.slice(i + 1), stream));
      }
    }
  });

  it('refuses a cursor that is none', async () => {
    await expect(textOf(read({ from: 'stdout:1' }))).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('says what rotation removed before it was read, and goes on behind it', async () => {
    write(5, 'five');
    const chunks: OutputChunk[] = [];
    for await (const chunk of read({ from: 'stdout:2:17' })) chunks.push(chunk);
    expect(chunks[0]).toMatchObject({
      gap: { reason: 'rotated', bytes: null },
      cursor: 'stdout:5:0',
    });
    expect(Buffer.from(chunks[1]?.data ?? []).toString()).toBe('five');
  });

  it('begins with the last lines, also over several segments and with an unfinished line', async () => {
    write(0, 'one\ntwo\n');
    write(1, 'three\nfo');
    expect(await textOf(read({ tail: 0 }))).toBe('');
    expect(await textOf(read({ tail: 1 }))).toBe('fo');
    expect(await textOf(read({ tail: 2 }))).toBe('three\nfo');
    expect(await textOf(read({ tail: 3 }))).toBe('two\nthree\nfo');
    expect(await textOf(read({ tail: 9 }))).toBe('one\ntwo\nthree\nfo');
  });

  it('finds the last lines wherever blocks and segments end', async () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 50_000 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(lengths, fc.nat(9), fc.boolean(), async (sizes, tail, finished) => {
        const lines = sizes.map((size, i) => `${i}${'.'.repeat(size)}\n`);
        const text = finished ? lines.join('') : lines.join('').slice(0, -1);
        write(0, text.slice(0, 60_000));
        write(1, text.slice(60_000));
        const last = lines.slice(Math.max(0, lines.length - tail)).join('');
        expect(await textOf(read({ tail }))).toBe(finished ? last : last.slice(0, -1));
      }),
      tries(30),
    );
  });
});

describe('following output', () => {
  it('waits for a directory that does not exist yet', async () => {
    dir = join(dir, 'later');
    const chunks = read({ follow: true });
    const first = next(chunks);
    mkdirSync(dir);
    write(0, 'hello');
    expect(Buffer.from((await first).data).toString()).toBe('hello');
    await chunks.return();
  });

  it('ends normally when its signal aborts while it waits', async () => {
    write(0, 'x');
    const stop = new AbortController();
    const chunks = read({ follow: true, signal: stop.signal });
    await next(chunks);
    const waiting = chunks.next();
    stop.abort();
    expect((await waiting).done).toBe(true);
  });

  it('ends when the task has ended, after the last byte', async () => {
    write(0, 'first');
    let over = false;
    const chunks = read({ follow: true, ended: () => over });
    await next(chunks);
    appendFileSync(segment(0), ' last');
    write(1, ' words');
    over = true;
    expect(await textOf(chunks)).toBe(' last words');
  });

  it('reads the end of a segment that is removed while it is open', async () => {
    write(0, 'a');
    let over = false;
    const chunks = read({ follow: true, ended: () => over });
    await next(chunks);
    appendFileSync(segment(0), 'b');
    write(1, 'c');
    rmSync(segment(0));
    over = true;
    expect(await textOf(chunks)).toBe('bc');
  });

  it('says when whole segments came and went while it was away', async () => {
    write(0, 'a');
    const chunks = read({ follow: true });
    await next(chunks);
    write(7, 'h');
    rmSync(segment(0));
    expect((await next(chunks)).gap).toEqual({ reason: 'rotated', bytes: null });
    expect(Buffer.from((await next(chunks)).data).toString()).toBe('h');
    await chunks.return();
  });

  it('passes over a directory that has the name of a segment', async () => {
    write(0, 'a');
    mkdirSync(segment(1));
    write(2, 'c');
    const chunks: OutputChunk[] = [];
    for await (const chunk of read({ follow: true, ended: () => true })) chunks.push(chunk);
    expect(chunks.map((chunk) => Buffer.from(chunk.data).toString())).toEqual(['a', 'c']);
  });
});

it('gives the last lines of what follows a cursor', async () => {
  write(0, 'one\ntwo\nthree\nfour\n');
  expect(await textOf(read({ from: 'stdout:0:4', tail: 2 }))).toBe('three\nfour\n');
  expect(await textOf(read({ from: 'stdout:0:14', tail: 2 }))).toBe('four\n');
  expect(await textOf(read({ from: 'stdout:0:19', tail: 2 }))).toBe('');
});

describe('a cursor that nothing was written to', () => {
  it.each(['stdout:1:6', 'stdout:2:1', 'stdout:9:0', 'stdout:1:2,stderr:0:1'])(
    'is refused: %s',
    async (from) => {
      write(1, 'hello');
      const chunks = read({ stream: 'both', from });
      await expect(chunks.next()).rejects.toMatchObject({ code: 'POSITION_AHEAD' });
    },
  );

  it('is none when its file is gone', async () => {
    write(1, 'hello');
    write(2, 'world');
    const [, last] = await all(read());
    symlinkSync('web.stdout.2', join(dir, 'web.stdout'));
    rmSync(segment(2));
    expect(await all(read({ from: last?.cursor ?? '' }))).toEqual([]);
  });
});
