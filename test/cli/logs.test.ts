/** What `holdfast logs` understands, and what it prints of lines. */
import { describe, expect, it } from 'vitest';
import type { LogChunk } from '../../src/api.ts';
import { inTimeOrder } from '../../src/cli/in-time-order.ts';
import { gapText, type LogItem, logItems, logJson, logLines } from '../../src/cli/log-text.ts';
import { toQuery } from '../../src/cli/logs.ts';
import { parseWhen } from '../../src/cli/when.ts';

const NOW = new Date(2026, 10, 22, 15, 30, 12, 345);
const TASK = { alloc: 'web', task: 'api' };
const TIME = '2026-01-02T03:04:05.678Z';

async function* chunks(...texts: (string | LogChunk)[]): AsyncGenerator<LogChunk> {
  let offset = 0;
  for (const text of texts) {
    if (typeof text !== 'string') yield text;
    else {
      const data = Buffer.from(text, 'latin1');
      offset += data.length;
      yield { stream: 'stdout', data, cursor: `stdout:0:${offset}`, run: 2, time: TIME };
    }
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('a moment', () => {
  it.each([
    ['10m', new Date(NOW.getTime() - 600_000)],
    ['1h30m', new Date(NOW.getTime() - 5_400_000)],
    ['10:00', new Date(2026, 10, 22, 10)],
    ['-5m', new Date(NOW.getTime() - 300_000)],
    ['1h ago', new Date(NOW.getTime() - 3_600_000)],
    ['1w', new Date(NOW.getTime() - 7 * 86_400_000)],
    ['yesterday', new Date(2026, 10, 21)],
    ['today', new Date(2026, 10, 22)],
    ['9:05:07', new Date(2026, 10, 22, 9, 5, 7)],
    ['2026-11-20', new Date(2026, 10, 20)],
    ['2026-11-22T10:00', new Date(2026, 10, 22, 10)],
    ['2026-11-22 10:00:01', new Date(2026, 10, 22, 10, 0, 1)],
    ['2026-11-22T10:00:00.5Z', new Date(Date.UTC(2026, 10, 22, 10, 0, 0, 500))],
    ['2026-11-22T10:00+02:00', new Date(Date.UTC(2026, 10, 22, 8))],
  ])('is %s', (text, when) => expect(parseWhen('--since', text, NOW)).toEqual(when));

  it.each([
    '',
    'soon',
    '10',
    '-',
    'ago',
    '24:00',
    '2026-02-30',
    '2026-13-01',
    '2026-02-30T10:00',
    '22.11.2026',
    '2026-11-22T25:00',
  ])('is not %j, and that is said', (text) => {
    expect(() => parseWhen('--since', text, NOW)).toThrow(`10m, or a time, such as 10:00`);
    expect(() => parseWhen('--since', text, NOW)).toThrow(`not "${text}"`);
  });

  it('of today that is still to come may be one of yesterday: it is refused', () => {
    expect(() => parseWhen('--until', '15:31', NOW)).toThrow(
      '--until 15:31 is still to come today: say the day too, such as 2026-11-22T15:31',
    );
  });
});

describe('what is asked for', () => {
  it.each([{ since: '' }, { until: '' }, { after: '' }, { since: '2026-11-22T15:31' }])(
    'is not %j: that is refused',
    (options) =>
      expect(() => toQuery(options, NOW)).toThrow(expect.objectContaining({ code: 'USAGE' })),
  );

  it('is everything of both streams unless something else is said', () => {
    expect(toQuery({}, NOW)).toEqual({ stream: 'both', follow: false, run: 'all' });
    expect(toQuery({ stdout: true, stderr: true }, NOW).stream).toBe('both');
    const options = { stderr: true, follow: true, tail: 0, since: '1s', until: '0s', run: '3' };
    expect(toQuery({ ...options, after: 'x' }, NOW)).toEqual({
      stream: 'stderr',
      follow: true,
      tail: 0,
      since: new Date(NOW.getTime() - 1_000),
      until: NOW,
      run: 3,
      after: 'x',
    });
  });

  it.each(['0', 'first', '-1', '1.5', ''])('is no run %j', (run) => {
    expect(() => toQuery({ run }, NOW)).toThrow('--run wants last, all or the number of a run');
  });

  it('is something: not what lies between a time and an earlier one', () => {
    expect(() => toQuery({ since: '1m', until: '2m' }, NOW)).toThrow('--since is later');
  });
});

describe('a line', () => {
  it('has its time and its task in front, and its bytes as they are', async () => {
    const [first, second] = (await collect(logItems(TASK, chunks('a\xff\nb')))).flat();
    const text = (item: LogItem | undefined, hasTime: boolean, nameWidth?: number): string =>
      item === undefined
        ? ''
        : Buffer.from(logLines([item], { hasTime, nameWidth })).toString('latin1');
    expect(text(first, true)).toBe(`${TIME} a\xff\n`);
    expect(text(second, true, 5)).toBe(`${TIME} api   | b\n`);
    const unknown = { ...second, chunk: { ...second?.chunk, time: null } } as LogItem;
    expect(text(unknown, true)).toMatch(/^- {24}b\n$/);
  });

  it('is an object that goes on exactly behind it', async () => {
    const items = (await collect(logItems(TASK, chunks('one\nt', 'wo\n\xff\nend')))).flat();
    expect(items.map((item) => JSON.parse(logJson(item)) as unknown)).toEqual(
      [
        { line: 'one', cursor: 'stdout:0:4' },
        { line: 'two', cursor: 'stdout:0:8' },
        { data: '/w==', cursor: 'stdout:0:10' },
        { line: 'end', partial: true, cursor: 'stdout:0:13' },
      ].map((facts) => ({ time: TIME, ...TASK, run: 2, stream: 'stdout', ...facts })),
    );
  });

  it('may be missing, and that is an object and a sentence', async () => {
    const gap = { reason: 'budget', bytes: 17 } as const;
    const none = { stream: 'stderr', data: Buffer.alloc(0), cursor: 'stderr:4:0', run: 0 } as const;
    const [item] = (await collect(logItems(TASK, chunks({ ...none, time: null, gap })))).flat();
    expect(JSON.parse(logJson(item as LogItem))).toEqual({
      time: null,
      ...TASK,
      run: 0,
      stream: 'stderr',
      gap,
      cursor: 'stderr:4:0',
    });
    expect(gapText(TASK, 'stderr', gap)).toBe(
      'holdfast: 17 bytes of the stderr of web/api are missing here: removed to keep all logs within their budget',
    );
    expect(gapText(TASK, 'stdout', { reason: 'rotated', bytes: null })).toBe(
      'holdfast: a part of the stdout of web/api is missing here: rotated away',
    );
  });
});

describe('the output of several tasks', () => {
  const order = { timeOf: (item: string) => item.slice(0, 1), patienceMs: Infinity };
  async function* giving(...items: string[]): AsyncGenerator<string> {
    yield* items;
  }

  it('comes in the order of time, and each in its own order', async () => {
    const sources = [giving('1a', '4a', '3a'), giving('2b', '5b'), giving()];
    expect(await collect(inTimeOrder(sources, order))).toEqual(['1a', '2b', '4a', '3a', '5b']);
  });

  it('is not held up by one that writes nothing', async () => {
    const gate = Promise.withResolvers<void>();
    async function* late(): AsyncGenerator<string> {
      await gate.promise;
      yield '0b';
    }
    const seen: string[] = [];
    for await (const item of inTimeOrder([giving('1a', '2a'), late()], {
      ...order,
      patienceMs: 1,
    })) {
      seen.push(item);
      if (item === '2a') gate.resolve();
    }
    expect(seen).toEqual(['1a', '2a', '0b']);
  });

  it('ends with the error of any of them', async () => {
    async function* failing(): AsyncGenerator<string> {
      yield '1b';
      throw new Error('over');
    }
    await expect(collect(inTimeOrder([giving('2a'), failing()], order))).rejects.toThrow('over');
  });
});
