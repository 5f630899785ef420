/** Readers against a model: whatever was written, rotated, compressed and removed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type OutputChunk, readOutput, type ReadOutputOptions } from '../../src/output/reader.ts';
import type { OutputStream } from '../../src/output/segments.ts';
import { SPAN_MS, type Written, WrittenOutput } from './written-output.ts';
import { tries } from '../properties/tries.ts';

const STREAMS = ['stdout', 'stderr'] as const;

type Step =
  | { readonly kind: 'write'; readonly stream: OutputStream; readonly lines: readonly number[] }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'run' }
  | { readonly kind: 'rotate'; readonly stream: OutputStream }
  | { readonly kind: 'pack'; readonly stream: OutputStream }
  | { readonly kind: 'purge'; readonly stream: OutputStream };

const stream = fc.constantFrom(...STREAMS);
const write = fc.record({
  kind: fc.constant('write' as const),
  stream,
  // Lengths of lines; the last one is left without its end when it is odd.
  lines: fc.array(fc.oneof(fc.nat(9), fc.nat(100_000)), { minLength: 1, maxLength: 4 }),
});
const wait = fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(250) });
const run = fc.record({ kind: fc.constant('run' as const) });
const file = fc.record({ kind: fc.constantFrom('rotate', 'pack'), stream }) as fc.Arbitrary<Step>;
const purge = fc.record({ kind: fc.constant('purge' as const), stream });
const layout = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: write },
    { weight: 3, arbitrary: wait },
    { weight: 1, arbitrary: run },
    { weight: 2, arbitrary: file },
  ),
  { maxLength: 25 },
);
const layoutWithPurges = fc.array(
  fc.oneof({ weight: 8, arbitrary: write }, { weight: 4, arbitrary: file }, purge),
  { maxLength: 25 },
);

let lineCount = 0;
function play(output: WrittenOutput, step: Step): void {
  if (step.kind === 'wait') output.now += step.ms;
  else if (step.kind === 'run') output.run += 1;
  else if (step.kind === 'rotate') output.rotate(step.stream);
  else if (step.kind === 'pack') output.pack(step.stream, output.newest(step.stream) - 1);
  else if (step.kind === 'purge') {
    output.purge(step.stream, output.newest(step.stream) - 1, 'budget');
  } else {
    const text = step.lines.map((length) => `<${lineCount++}>${'.'.repeat(length)}\n`).join('');
    const isCut = (step.lines.at(-1) ?? 0) % 2 === 1;
    output.write(step.stream, isCut ? text.slice(0, -1) : text);
  }
}

async function within(steps: readonly Step[], check: (output: WrittenOutput) => Promise<void>) {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-output-'));
  try {
    const output = new WrittenOutput(dir);
    for (const step of steps) play(output, step);
    await check(output);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function read(
  { dir, stem }: WrittenOutput,
  options: Partial<ReadOutputOptions> = {},
): Promise<OutputChunk[]> {
  const chunks: OutputChunk[] = [];
  const all = { dir, stem, stream: 'both', follow: false, ...options } as const;
  for await (const chunk of readOutput(all)) chunks.push(chunk);
  return chunks;
}

const textOf = (chunks: readonly OutputChunk[], of: OutputStream): string =>
  chunks
    .filter((chunk) => chunk.stream === of)
    .map(({ data }) => Buffer.from(data).toString('latin1'))
    .join('');

/** The lines of a part of the output with the time of their first bytes, oldest first, both streams together. */
function linesOf(output: WrittenOutput, isMeant: (one: Written) => boolean) {
  return STREAMS.flatMap((of) => {
    const bytes = output.written.filter((one) => one.stream === of && isMeant(one));
    const lines: { stream: OutputStream; at: number; text: string }[] = [];
    let isOpen = false;
    for (const { text, at } of bytes) {
      for (const part of text.split(/(?<=\n)/).filter((one) => one !== '')) {
        const last = lines.at(-1);
        if (isOpen && last !== undefined) last.text += part;
        else lines.push({ stream: of, at, text: part });
        isOpen = !part.endsWith('\n');
      }
    }
    return lines;
  });
}

const RUNS = tries(60);

describe('whatever was written', { timeout: 60_000 }, () => {
  it('every byte comes once, in order, with the time and the run of its mark', async () => {
    const check = async (output: WrittenOutput): Promise<void> => {
      const chunks = await read(output);
      expect(chunks.some(({ gap }) => gap !== undefined)).toBe(false);
      expect(Math.max(0, ...chunks.map(({ data }) => data.length))).toBeLessThanOrEqual(65_536);
      for (const of of STREAMS) {
        expect(textOf(chunks, of)).toBe(output.text(of));
        let offset = 0;
        const known = output.written.filter((one) => one.stream === of);
        const facts = known.flatMap(({ text, at, run: by }) =>
          Array<string>(text.length).fill(`${by}@${at}`),
        );
        for (const { data, run: by, at } of chunks.filter((chunk) => chunk.stream === of)) {
          const inside = new Set(facts.slice(offset, offset + data.length));
          expect([...inside]).toEqual([`${by}@${at}`]);
          offset += data.length;
        }
      }
      const times = chunks.map(({ at = 0 }) => at);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    };
    await fc.assert(
      fc.asyncProperty(layout, (steps) => within(steps, check)),
      RUNS,
    );
  });

  it('a cursor of any chunk goes on exactly behind it, also when files were compressed meanwhile', async () => {
    const check = (draw: number) => async (output: WrittenOutput) => {
      const chunks = await read(output);
      if (chunks.length === 0) return;
      const at = draw % chunks.length;
      for (const of of STREAMS) {
        for (let segment = 0; segment < output.newest(of); segment += 2) output.pack(of, segment);
      }
      const rest = await read(output, { from: chunks[at]?.cursor ?? '' });
      for (const of of STREAMS) expect(textOf(rest, of)).toBe(textOf(chunks.slice(at + 1), of));
    };
    await fc.assert(
      fc.asyncProperty(layout, fc.nat(999), (steps, draw) => within(steps, check(draw))),
      RUNS,
    );
  });

  it('a part by time and run is what the marks cannot rule out, and its tail its last lines', async () => {
    const bounds = fc.record({
      since: fc.option(fc.nat(2_000)),
      until: fc.option(fc.nat(2_000)),
      by: fc.option(fc.integer({ min: 1, max: 4 })),
      tail: fc.nat(12),
    });
    type Bounds = typeof bounds extends fc.Arbitrary<infer T> ? T : never;
    const check = (asked: Bounds) => async (output: WrittenOutput) => {
      const since = asked.since === null ? -Infinity : 1_000_000 + asked.since;
      const until = asked.until === null ? Infinity : 1_000_000 + asked.until;
      const options = {
        ...(asked.since === null ? {} : { sinceMs: since }),
        ...(asked.until === null ? {} : { untilMs: until }),
        ...(asked.by === null ? {} : { run: asked.by }),
      };
      const isMeant = (one: Written): boolean =>
        one.at + SPAN_MS >= since && one.at <= until && (asked.by ?? one.run) === one.run;
      const all = await read(output, options);
      for (const of of STREAMS) expect(textOf(all, of)).toBe(output.text(of, isMeant));
      // Nothing that was written within the bounds is missing from what the marks leave.
      const certain = output.written.filter(
        (one) => one.time >= since && one.time <= until && (asked.by ?? one.run) === one.run,
      );
      expect(certain.every(isMeant)).toBe(true);

      const tail = await read(output, { ...options, tail: asked.tail });
      const wanted = linesOf(output, isMeant);
      const given = linesOf(output, isMeant).filter(({ stream: of, text }) =>
        textOf(tail, of).includes(text),
      );
      expect(STREAMS.map((of) => textOf(tail, of).length).reduce((a, b) => a + b)).toBe(
        given.reduce((sum, { text }) => sum + text.length, 0),
      );
      expect(given.length).toBe(Math.min(asked.tail, wanted.length));
      // None that was left out is newer than one that was given.
      const oldest = Math.min(Infinity, ...given.map(({ at }) => at));
      const left = wanted.filter((line) => !given.some(({ text }) => text === line.text));
      expect(Math.max(-Infinity, ...left.map(({ at }) => at))).toBeLessThanOrEqual(oldest);
      for (const of of STREAMS)
        expect(output.text(of, isMeant).endsWith(textOf(tail, of))).toBe(true);
    };
    await fc.assert(
      fc.asyncProperty(layout, bounds, (steps, asked) => within(steps, check(asked))),
      RUNS,
    );
  });
});

describe('whatever is written while somebody follows', { timeout: 60_000 }, () => {
  it('he gets every byte once, or is told how many are missing', async () => {
    const check = (pauses: readonly number[]) => async (steps: readonly Step[]) => {
      const dir = mkdtempSync(join(tmpdir(), 'holdfast-output-'));
      const output = new WrittenOutput(dir);
      let isOver = false;
      const seen: Record<OutputStream, [missing: number, text: string]> = {
        stdout: [0, ''],
        stderr: [0, ''],
      };
      const unsized = new Set<OutputStream>();
      const following = async (): Promise<void> => {
        const options = { dir, stem: 'web', stream: 'both', follow: true } as const;
        let from = '';
        // He is interrupted now and then, and goes on with his cursor.
        for (let turn = 0; ; turn += 1) {
          let left = pauses[turn % pauses.length] ?? 9;
          for await (const chunk of readOutput({ ...options, from, ended: () => isOver })) {
            const own = seen[chunk.stream];
            own[0] += chunk.gap?.bytes ?? 0;
            if (chunk.gap?.bytes === null) unsized.add(chunk.stream);
            own[1] += Buffer.from(chunk.data).toString('latin1');
            from = chunk.cursor;
            if (left-- === 0) break;
          }
          if (left >= 0) return;
        }
      };
      // Whoever comes later than a file goes does not know of it: he is there before anything goes.
      for (const of of STREAMS) output.write(of, 'begun\n');
      const follower = following();
      while (STREAMS.some((of) => seen[of][1] === '')) await nextTurn();
      for (const step of steps) {
        play(output, step);
        await new Promise((resolve) => setTimeout(resolve, step.kind === 'purge' ? 0 : 3));
      }
      isOver = true;
      await follower;
      for (const of of STREAMS) {
        const [missing, text] = seen[of];
        // A record of an empty file is like one whose maker did not know what was in it: the gap has no size then.
        if (unsized.has(of)) {
          expect(output.hasPurgedEmpty(of)).toBe(true);
          expect(missing + text.length).toBeLessThanOrEqual(output.text(of).length);
          continue;
        }
        expect(missing + text.length).toBe(output.text(of).length);
        if (missing === 0) expect(text).toBe(output.text(of));
      }
      rmSync(dir, { recursive: true });
    };
    const pauses = fc.array(fc.nat(9), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(layoutWithPurges, pauses, (steps, left) => check(left)(steps)),
      tries(40),
    );
  });
});
