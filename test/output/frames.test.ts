import { describe, expect, it } from 'vitest';
import type { LogChunk } from '../../src/api.ts';
import { type LogFrame, logFrames } from '../../src/output/frames.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';

/** A place to write chunks into, read as frames while a clock is moved. */
class Stream {
  readonly clock = new FakeClock();
  readonly frames: (LogFrame | { text: string })[] = [];
  isLeft = false;
  readonly done: Promise<void>;
  #wake = Promise.withResolvers<void>();
  readonly #waiting: (LogChunk | Error | undefined)[] = [];

  constructor() {
    this.done = this.#read();
    this.done.catch(() => undefined);
  }

  async give(...items: (LogChunk | Error | undefined)[]): Promise<void> {
    this.#waiting.push(...items);
    this.#wake.resolve();
    await this.clock.advance(0);
  }

  async #read(): Promise<void> {
    for await (const frame of logFrames(this.#chunks(), { task: 'api', clock: this.clock })) {
      const { data, ...facts } = frame;
      this.frames.push(data === undefined ? facts : { ...facts, text: String(data) });
    }
  }

  async *#chunks(): AsyncGenerator<LogChunk> {
    try {
      for (;;) {
        while (this.#waiting.length > 0) {
          const item = this.#waiting.shift();
          if (item === undefined) return;
          if (item instanceof Error) throw item;
          yield item;
        }
        this.#wake = Promise.withResolvers<void>();
        await this.#wake.promise;
      }
    } finally {
      this.isLeft = true;
    }
  }
}

const chunk = (text: string, cursor: string): LogChunk => ({
  stream: 'stdout',
  data: Buffer.from(text),
  cursor: `stdout:${cursor}`,
  run: 1,
  time: null,
});
const gap = (cursor: string): LogChunk => ({
  ...chunk('', cursor),
  gap: { reason: 'rotated', bytes: null },
});
const file = (number: number): string => `alloc/logs/api.stdout.${number}`;

describe('frames', () => {
  it('gather what comes within 200 ms, with the offset behind its first bytes', async () => {
    const stream = new Stream();
    await stream.give(chunk('one\n', '0:14'), chunk('two\n', '0:18'));
    await stream.clock.advance(150);
    await stream.give(chunk('three\n', '0:24'));
    expect(stream.frames).toEqual([]);
    await stream.clock.advance(50);
    expect(stream.frames).toEqual([{ offset: 14, file: file(0), text: 'one\ntwo\nthree\n' }]);
  });

  it('are empty when nothing comes for a second, and only then', async () => {
    const stream = new Stream();
    await stream.clock.advance(999);
    await stream.give(chunk('x', '0:1'));
    await stream.clock.advance(1_199);
    expect(stream.frames).toEqual([{ offset: 1, file: file(0), text: 'x' }]);
    await stream.clock.advance(1_001);
    expect(stream.frames.slice(1)).toEqual([{}, {}]);
  });

  it('hold at most 64 KiB, and follow each other in the file', async () => {
    const stream = new Stream();
    const big = 'a'.repeat(50_000);
    await stream.give(chunk(big, '3:50000'), chunk(big, '3:100000'), chunk(big, '3:150000'));
    await stream.give(undefined);
    await stream.done;
    expect(
      stream.frames.map((frame) => ['text' in frame && frame.text.length, frame]),
    ).toMatchObject([
      [65_536, { offset: 50_000, file: file(3) }],
      [65_536, { offset: 115_536, file: file(3) }],
      [150_000 - 131_072, { offset: 181_072, file: file(3) }],
    ]);
  });

  it('are of one file each, and say when one went away before it was read', async () => {
    const stream = new Stream();
    await stream.give(chunk('a', '0:1'), chunk('b', '1:1'), gap('4:0'), chunk('c', '4:1'));
    await stream.give({ ...gap('4:1:99'), gap: { reason: 'disk-full', bytes: 99 } }, undefined);
    await stream.done;
    expect(stream.frames).toEqual([
      { offset: 1, file: file(0), text: 'a' },
      { offset: 1, file: file(1), text: 'b' },
      { offset: 1, file: file(1), fileEvent: 'file deleted' },
      { offset: 1, file: file(4), text: 'c' },
      { offset: 1, file: file(4), fileEvent: 'file truncated' },
    ]);
  });

  it('end with the error of the output, and hold nothing when their reader leaves', async () => {
    const stream = new Stream();
    await stream.give(chunk('a', '0:1'), new Error('gone'));
    await expect(stream.done).rejects.toThrow('gone');
    expect(stream.isLeft).toBe(true);
    expect(stream.clock.waiting).toBe(0);
  });
});
