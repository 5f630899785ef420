import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileSink } from '../../src/sinks/file-sink.ts';
import type { WrittenEvent } from '../../src/sinks/sink.ts';
import type { FileSinkConfig } from '../../src/spec/sink-schema.ts';

const ORIGIN = { storeId: 'store', instanceId: 'me' };
let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-file-sink-'));
  path = join(dir, 'events.ndjson');
});
afterEach(() => rmSync(dir, { recursive: true }));

function sinkOf(more: Partial<FileSinkConfig> = {}): FileSink {
  const common = { name: 'f', start: 'oldest', batchEvents: 100, form: 'native' } as const;
  const config = { type: 'file', path, maxFileSizeMb: 1, maxFiles: 3, ...common, ...more } as const;
  return new FileSink(config, ORIGIN);
}

function written(position: number, padding = 0, storeId = 'store'): WrittenEvent {
  const text = JSON.stringify({ position, storeId, data: 'x'.repeat(padding) });
  return { position, text, event: {} as never };
}

const positions = (file = path): number[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { position: number }).position);

async function send(sink: FileSink, ...events: number[]): Promise<void> {
  await sink.send(events.map((position) => written(position)));
}

describe('a file of events', () => {
  it('has a line for each, and goes on behind the last one', async () => {
    const first = sinkOf();
    expect(await first.open(0)).toBe(0);
    await send(first, 1, 2);
    await send(first, 5);
    await first.close();
    const next = sinkOf();
    expect(await next.open(2)).toBe(5);
    await send(next, 6);
    await next.close();
    expect(positions()).toEqual([1, 2, 5, 6]);
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  it('loses the part of a line that a death left, at whichever byte it was', async () => {
    const whole = `${written(1).text}\n${written(2).text}\n`;
    const first = written(1).text.length + 1;
    for (let bytes = 0; bytes <= whole.length; bytes += 1) {
      writeFileSync(path, whole.slice(0, bytes));
      const sink = sinkOf();
      const known = await sink.open(0);
      expect([bytes, known]).toEqual([bytes, bytes < first ? 0 : bytes < whole.length ? 1 : 2]);
      await sink.send([1, 2].filter((each) => each > known).map((each) => written(each)));
      await sink.close();
      expect(readFileSync(path, 'utf8')).toBe(whole);
    }
  });

  it('loses the room that a power cut left without what was written into it', async () => {
    const hole = Buffer.alloc(100);
    const after = Buffer.from(`${'\0'.repeat(20)}${written(3).text}\n`);
    writeFileSync(path, Buffer.concat([Buffer.from(`${written(1).text}\n`), after, hole]));
    const sink = sinkOf();
    expect(await sink.open(0)).toBe(1);
    await send(sink, 2);
    await sink.close();
    expect(positions()).toEqual([1, 2]);
  });

  it('knows the place of both forms, and takes another store’s for none', async () => {
    const cloud = { specversion: '1.0', id: 'store/7', sequence: '00007' };
    writeFileSync(path, `${JSON.stringify(cloud)}\n`);
    const one = sinkOf();
    expect(await one.open(3)).toBe(7);
    await one.close();
    writeFileSync(path, `${written(9, 0, 'another').text}\n`);
    const other = sinkOf();
    expect(await other.open(3)).toBe(3);
    await send(other, 4);
    await other.close();
    expect(positions()).toEqual([9, 4]);
  });

  it.each(['root:x:0:0:root:/root:/bin/sh\n', 'no end of a line', '[1,2]\n', '{"a":1}\n'])(
    'that holds something else (%j) is left alone',
    async (text) => {
      writeFileSync(path, text);
      const sink = sinkOf();
      await expect(sink.open(0)).rejects.toMatchObject({ code: 'WRONG_STATE' });
      await sink.close();
      expect(readFileSync(path, 'utf8')).toBe(text);
    },
  );

  it('that is a link to another one is not followed, and a missing directory is told', async () => {
    writeFileSync(join(dir, 'other'), '');
    symlinkSync(join(dir, 'other'), path);
    await expect(sinkOf().open(0)).rejects.toMatchObject({ message: `${path}: ELOOP` });
    const nowhere = join(dir, 'no/where');
    const error = { code: 'UNAVAILABLE', message: `${nowhere}: ENOENT` };
    await expect(sinkOf({ path: nowhere }).open(0)).rejects.toMatchObject(error);
  });

  it('of any length is looked at by its end only', async () => {
    const lines = Array.from({ length: 20 }, (_, at) => `${written(at + 1, 60_000).text}\n`);
    writeFileSync(path, lines.join(''));
    appendFileSync(path, written(21, 60_000).text.slice(0, 59_000));
    const sink = sinkOf();
    expect(await sink.open(0)).toBe(20);
    await sink.close();
    expect(positions()).toHaveLength(20);
  });
});

describe('a file that is full', () => {
  const big = (position: number): WrittenEvent => written(position, 400_000);

  it('becomes the one before, and so many are kept', async () => {
    const sink = sinkOf();
    await sink.open(0);
    for (let position = 1; position <= 10; position += 1) await sink.send([big(position)]);
    await sink.close();
    expect(readdirSync(dir).toSorted()).toEqual(
      ['events.ndjson', 'events.ndjson.1', 'events.ndjson.2'].toSorted(),
    );
    expect([positions(`${path}.2`), positions(`${path}.1`), positions()]).toEqual([
      [4, 5, 6],
      [7, 8, 9],
      [10],
    ]);
  });

  it('is looked into when the next one was not begun before a death', async () => {
    const sink = sinkOf();
    await sink.open(0);
    await sink.send([big(1), big(2)]);
    await sink.close();
    renameSync(path, `${path}.1`);
    const next = sinkOf();
    expect(await next.open(0)).toBe(2);
    await next.close();
    // Begun, and nothing written.
    const after = sinkOf();
    expect(await after.open(1)).toBe(2);
    await after.close();
  });
});

describe('a file that somebody else handles', () => {
  it('and moves away is begun anew', async () => {
    const sink = sinkOf();
    await sink.open(0);
    await send(sink, 1);
    renameSync(path, join(dir, 'rotated'));
    await send(sink, 2);
    rmSync(path);
    await send(sink, 3);
    await sink.close();
    expect([positions(join(dir, 'rotated')), positions()]).toEqual([[1], [3]]);
  });

  it('and empties goes on from its beginning', async () => {
    const sink = sinkOf();
    await sink.open(0);
    await send(sink, 1);
    truncateSync(path);
    await send(sink, 2);
    await sink.close();
    expect(positions()).toEqual([2]);
    expect(existsSync(`${path}.1`)).toBe(false);
  });
});
