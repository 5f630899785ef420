import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { cut, holdBytes, plan } from '../../src/processes/logmon-host/rotation.ts';
import { tries } from '../properties/tries.ts';

/** Runs the decisions over a stream that becomes visible `arrivals[i]` bytes at a time; an arrival of 0 is a pause. */
function rotateAll(
  stream: Uint8Array,
  limitBytes: number,
  arrivals: readonly number[],
): Uint8Array[] {
  const segments: Uint8Array[] = [new Uint8Array()];
  let moved = 0;
  let visible = 0;
  const move = (bytes: number): void => {
    const last = segments.at(-1) ?? new Uint8Array();
    segments[segments.length - 1] = Buffer.concat([last, stream.subarray(moved, moved + bytes)]);
    moved += bytes;
  };
  const settle = (patient: boolean): void => {
    while (moved < visible) {
      const current = segments.at(-1) ?? new Uint8Array();
      const segment = { sizeBytes: current.length, limitBytes };
      const next = plan(segment);
      if (next.kind === 'rotate') {
        segments.push(new Uint8Array());
        continue;
      }
      const seen = stream.subarray(moved, Math.min(visible, moved + next.bytes));
      const atLineStart = current.length === 0 || current.at(-1) === 10;
      const step =
        next.kind === 'move'
          ? ({ kind: 'move', bytes: seen.length } as const)
          : cut({ ...segment, seen, atLineStart, patient });
      if (step.kind === 'hold') return;
      if (step.kind === 'rotate') segments.push(new Uint8Array());
      else move(step.bytes);
    }
  };
  for (const arrival of arrivals) {
    visible = Math.min(stream.length, visible + arrival);
    settle(arrival > 0);
  }
  visible = stream.length;
  settle(true);
  settle(false);
  return segments;
}

const text = (lines: readonly number[]): Uint8Array =>
  Buffer.concat(lines.map((length, i) => Buffer.from(`${String(i).padEnd(length, '.')}\n`)));

const joined = (segments: readonly Uint8Array[]): string =>
  Buffer.concat(segments).toString('latin1');

describe('rotation', () => {
  const linesUpTo = (bytes: number) =>
    fc.array(fc.integer({ min: 4, max: bytes - 1 }), { maxLength: 60 });
  const arrivals = fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 80 });

  it('moves every byte once, in order, and never over the limit, whatever the bytes are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(10, 97, 0, 255), { maxLength: 2000 }),
        fc.integer({ min: 1, max: 400 }),
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 60 }),
        (bytes, limit, steps) => {
          const stream = Uint8Array.from(bytes);
          const segments = rotateAll(stream, limit, steps);
          expect(joined(segments)).toBe(joined([stream]));
          for (const segment of segments) expect(segment.length).toBeLessThanOrEqual(limit);
        },
      ),
      tries(100),
    );
  });

  it('ends every segment with a whole line when no line is longer than half a segment', () => {
    fc.assert(
      fc.property(linesUpTo(holdBytes(512)), arrivals, (lengths, steps) => {
        const segments = rotateAll(text(lengths), 512, steps);
        for (const segment of segments) expect(segment.at(-1) ?? 10).toBe(10);
      }),
      tries(100),
    );
  });

  it('never ends a segment while the next line would fit', () => {
    fc.assert(
      fc.property(linesUpTo(holdBytes(512)), arrivals, (lengths, steps) => {
        const segments = rotateAll(text(lengths), 512, steps);
        segments.slice(1).forEach((next, i) => {
          const nextLine = next.indexOf(10) + 1;
          expect((segments[i]?.length ?? 0) + nextLine).toBeGreaterThan(512);
        });
      }),
      tries(100),
    );
  });

  it('keeps lines up to a whole segment together when they arrive whole', () => {
    fc.assert(
      fc.property(linesUpTo(512), (lengths) => {
        const stream = text(lengths);
        for (const segment of rotateAll(stream, 512, [stream.length])) {
          expect(segment.at(-1) ?? 10).toBe(10);
        }
      }),
      tries(100),
    );
  });

  it('fits a line of exactly the limit into one segment', () => {
    const segments = rotateAll(text([99, 511, 99]), 512, [10_000]);
    expect(segments.map((segment) => segment.length)).toEqual([100, 512, 100]);
  });

  it('cuts a line longer than a whole segment at the limit', () => {
    const segments = rotateAll(text([99, 1200, 99]), 512, [10_000]);
    expect(segments.map((segment) => segment.length)).toEqual([100, 512, 512, 277]);
  });

  it('fills segments of output without lines to the last byte', () => {
    const segments = rotateAll(new Uint8Array(300_000).fill(1), 100_000, [70_000, 70_000, 70_000]);
    expect(segments.map((segment) => segment.length)).toEqual([100_000, 100_000, 100_000]);
  });

  it('lets an unfinished line wait in front of the limit, then gives it to the next segment', () => {
    const sight = { seen: Buffer.from('abc'), sizeBytes: 500, limitBytes: 512, atLineStart: true };
    expect(cut({ ...sight, patient: true })).toEqual({ kind: 'hold' });
    expect(cut({ ...sight, patient: false })).toEqual({ kind: 'rotate' });
  });
});
