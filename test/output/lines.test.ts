import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCursor } from '../../src/output/cursor.ts';
import { type Chunk, type Line, LineSplitter, LONGEST_LINE_BYTES } from '../../src/output/lines.ts';
import type { OutputStream } from '../../src/output/segments.ts';
import { tries } from '../properties/tries.ts';

/** Chunks of both streams as a reader gives them, each in segment 0. */
function chunksOf(parts: readonly (readonly [OutputStream, string, number?])[]): Chunk[] {
  const places: Partial<Record<OutputStream, number>> = {};
  return parts.map(([stream, text, run = 1]) => {
    const data = Buffer.from(text, 'latin1');
    places[stream] = (places[stream] ?? 0) + data.length;
    const cursor = Object.entries(places).map(([name, offset]) => `${name}:0:${offset}`);
    return { stream, data, run, cursor: cursor.toSorted().toReversed().join(',') };
  });
}

function linesOf(chunks: readonly Chunk[]): Line<Chunk>[] {
  const splitter = new LineSplitter();
  return [...chunks.flatMap((chunk) => [...splitter.push(chunk)]), ...splitter.flush()];
}

const textOf = (lines: readonly Line<Chunk>[], stream: OutputStream): string =>
  lines
    .filter(({ of }) => of.stream === stream)
    .map(({ data, isPartial }) => `${Buffer.from(data).toString('latin1')}${isPartial ? '' : '\n'}`)
    .join('');

describe('lines', () => {
  it('are joined over chunks and cut inside them, each stream by itself', () => {
    const lines = linesOf(
      chunksOf([
        ['stdout', 'one\ntw'],
        ['stderr', 'bad\n\n'],
        ['stdout', 'o\nthree'],
      ]),
    );
    expect(lines.map(({ of, data, isPartial }) => [of.stream, String(data), isPartial])).toEqual([
      ['stdout', 'one', false],
      ['stderr', 'bad', false],
      ['stderr', '', false],
      ['stdout', 'two', false],
      ['stdout', 'three', true],
    ]);
    expect(lines.map(({ cursor }) => cursor)).toEqual([
      'stdout:0:4',
      'stdout:0:4,stderr:0:4',
      'stdout:0:4,stderr:0:5',
      'stdout:0:8,stderr:0:5',
      'stdout:0:13,stderr:0:5',
    ]);
  });

  it('end where another run begins to write, and belong to the one that began them', () => {
    const lines = linesOf(
      chunksOf([
        ['stdout', 'half', 1],
        ['stdout', ' new\n', 2],
      ]),
    );
    expect(lines.map(({ of, data, isPartial }) => [of.run, String(data), isPartial])).toEqual([
      [1, 'half', true],
      [2, ' new', false],
    ]);
  });

  it('end in front of a gap, and the place behind the gap is known', () => {
    const splitter = new LineSplitter();
    const [half] = chunksOf([['stdout', 'half']]);
    const gap = { stream: 'stdout' as const, data: Buffer.alloc(0), run: 0, cursor: 'stdout:7:0' };
    expect([...splitter.push(half as Chunk)]).toEqual([]);
    expect([...splitter.push(gap)].map(({ data, cursor }) => [String(data), cursor])).toEqual([
      ['half', 'stdout:0:4'],
    ]);
    expect(splitter.cursor).toBe('stdout:7:0');
  });

  it('of one stream leave the other where its unfinished line begins', () => {
    const splitter = new LineSplitter();
    const half = { stream: 'stdout', data: Buffer.from('half'), run: 1 } as const;
    const whole = { stream: 'stderr', data: Buffer.from('x\n'), run: 1 } as const;
    expect([...splitter.push({ ...half, cursor: 'stdout:5:104' })]).toEqual([]);
    const [line] = splitter.push({ ...whole, cursor: 'stdout:5:104,stderr:2:9' });
    expect(line?.cursor).toBe('stdout:5:100,stderr:2:9');
  });

  it('that are too long come in parts, and one that just fits in one', () => {
    const fits = 'x'.repeat(LONGEST_LINE_BYTES);
    const parts = (text: string): unknown =>
      linesOf(
        chunksOf([
          ['stdout', text.slice(0, 70_000)],
          ['stdout', text.slice(70_000)],
        ]),
      ).map(({ data, isPartial }) => [data.length, isPartial]);
    expect(parts(`${fits}\nz\n`)).toEqual([
      [LONGEST_LINE_BYTES, false],
      [1, false],
    ]);
    expect(parts(`${fits}${fits}y\n`)).toEqual([
      [LONGEST_LINE_BYTES, true],
      [LONGEST_LINE_BYTES, true],
      [1, false],
    ]);
  });

  it('give back every byte, and go on exactly behind any of them', () => {
    const part = fc.tuple(
      fc.constantFrom<OutputStream>('stdout', 'stderr'),
      fc.string({ unit: fc.constantFrom('a', 'é', '\n'), minLength: 1, maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.nat(99), (parts, draw) => {
        const chunks = chunksOf(parts);
        const lines = linesOf(chunks);
        const whole = (stream: OutputStream): string =>
          chunks
            .filter((chunk) => chunk.stream === stream)
            .map(({ data }) => Buffer.from(data).toString('latin1'))
            .join('');
        for (const stream of ['stdout', 'stderr'] as const) {
          expect(textOf(lines, stream)).toBe(whole(stream));
        }
        const at = lines.length === 0 ? 0 : draw % lines.length;
        const places = parseCursor(lines[at]?.cursor ?? '');
        for (const stream of ['stdout', 'stderr'] as const) {
          const rest = whole(stream).slice(places[stream]?.offset ?? 0);
          expect(rest).toBe(textOf(lines.slice(at + 1), stream));
        }
      }),
      tries(100),
    );
  });
});
