/** What people read of what tasks use. */
import { describe, expect, it } from 'vitest';
import type { TaskStats } from '../../src/api.ts';
import { merged } from '../../src/cli/merged.ts';
import { statsLine, statsTable } from '../../src/cli/stats-table.ts';
import { parseInterval } from '../../src/cli/stats.ts';
import { mostSkipped, sortRows, topFrame, type TopRow } from '../../src/cli/top-frame.ts';
import { bytesText, memoryBytes, memoryPercent, ratesBetween } from '../../src/cli/usage-text.ts';
import { FakeOrchestrator } from '../client/fake-orchestrator.ts';

const NOW = Date.parse('2026-01-02T03:06:16.678Z');
const SAMPLE: TaskStats = {
  alloc: 'web',
  allocId: 'id-of-web',
  task: 'api',
  run: 2,
  time: '2026-01-02T03:04:05.000Z',
  cpu: { totalNs: 5e9, userNs: 4e9, systemNs: 1e9, percent: 149.96 },
  memory: { usageBytes: 200 * 2 ** 20, workingSetBytes: 150 * 2 ** 20, limitBytes: 300 * 2 ** 20 },
  io: { readBytes: 0, writeBytes: 10_240 },
  pids: 3,
  threads: 12,
  processes: [],
};
const POOR: TaskStats = { ...SAMPLE, task: 'job', memory: { rssBytes: 4_096 }, io: {} };

const view = await new FakeOrchestrator()
  .run({ name: 'web', tasks: [{ name: 'api', driver: 'raw_exec' }] })
  .then((handle) => handle.task('api').view());

function row(task: string, stats?: Partial<TaskStats>): TopRow {
  return { view: { ...view, task, run: 2 }, stats: stats && { ...SAMPLE, task, ...stats } };
}

function frame(rows: readonly TopRow[], columns: number, lines: number, skipped = 0) {
  const state = { rows, sort: 'cpu', skipped, columns, lines, now: NOW } as const;
  return topFrame({ ...state, intervalText: 'every 1s' });
}

describe('sizes', () => {
  it.each([
    [undefined, '-'],
    [0, '0B'],
    [999, '999B'],
    [1_000, '1.0K'],
    [1_536, '1.5K'],
    [1_023 * 1_024, '1.0M'],
    [12.34 * 2 ** 20, '12.3M'],
    [5 * 2 ** 40, '5.0T'],
    [5_000 * 2 ** 40, '5000.0T'],
  ])('of %d bytes are written as %s', (bytes, text) => expect(bytesText(bytes)).toBe(text));
});

it('memory is the working set, or what its processes hold where nothing else is counted', () => {
  expect([memoryBytes(SAMPLE), memoryPercent(SAMPLE)]).toEqual([150 * 2 ** 20, 50]);
  expect([memoryBytes(POOR), memoryPercent(POOR)]).toEqual([4_096, undefined]);
});

it('rates are of the time between two samples of one run, and unknown where one does not tell', () => {
  const later = { ...SAMPLE, time: '2026-01-02T03:04:07.000Z', io: { writeBytes: 30_240 } };
  expect(ratesBetween(SAMPLE, later)).toEqual({ readBytes: undefined, writeBytes: 10_000 });
  expect(ratesBetween(SAMPLE, { ...later, run: 3 }).writeBytes).toBeUndefined();
  expect(ratesBetween(undefined, later).writeBytes).toBeUndefined();
});

it('the table of stats has one line a task by name, and a dash for what is not known', () => {
  expect(statsTable([POOR, SAMPLE])).toBe(
    'TASK     RUN   CPU%     MEM   LIMIT  MEM%  PIDS  READ  WRITTEN  THREADS\n' +
      'web/api    2  150.0  150.0M  300.0M  50.0     3    0B    10.0K       12\n' +
      'web/job    2  150.0    4.0K       -     -     3     -        -       12\n',
  );
  expect(statsLine(SAMPLE)).toBe(
    '2026-01-02T03:04:05.000Z web/api run=2 cpu_percent=150.0 mem=150.0M limit=300.0M ' +
      'mem_percent=50.0 pids=3 read=0B written=10.0K threads=12\n',
  );
});

it.each(['', '1', '50ms', 'soon'])('%j is no interval', (text) => {
  expect(() => parseInterval(text)).toThrow('--interval wants a duration from 100ms on');
});

describe('the screen of top', () => {
  const rows = [row('api', {}), row('idle', { cpu: { ...SAMPLE.cpu, percent: 0 } }), row('waits')];

  it.each([
    [80, 24],
    [40, 10],
    [200, 50],
    [10, 3],
    [1, 1],
  ])('of %d columns has %d lines and no longer one', (columns, lines) => {
    const drawn = frame(rows, columns, lines);
    expect(drawn).toHaveLength(lines);
    expect(Math.max(...drawn.map((line) => line.length))).toBeLessThanOrEqual(columns);
  });

  it('shows what matters most where there is little room', () => {
    const long = {
      ...row('api', {}),
      view: { ...view, alloc: 'a-group-with-a-very-long-name', run: 2 },
    };
    const [title, head, line] = frame([long], 40, 10);
    expect(title).toBe('1 running  CPU 150.0%  MEM 150.0M');
    expect(head).toBe('TASK              CPU%     MEM  STATE');
    expect(line).toBe('…long-name/api   150.0  150.0M  running');
  });

  it('counts those that do not run and shows them without numbers', () => {
    const [title, , ...lines] = frame(rows, 80, 24);
    expect(title).toMatch(/^2 running, 1 not {2}CPU 150\.0% {2}MEM 300\.0M {2,}every 1s {2}\d\d:/);
    expect(lines[2]).toMatch(/^web\/waits +- +- +running +- +- /);
    expect(lines.at(-1)).toBe('c m n sort by [cpu] memory name  q quit');
  });

  it('scrolls as far as there is something, and says how much is hidden', () => {
    const many = Array.from({ length: 30 }, (_one, at) => row(`t${String(at).padStart(2, '0')}`));
    expect(mostSkipped({ rows: many, lines: 10 })).toBe(23);
    const drawn = frame(many, 80, 10, 99);
    expect(drawn.slice(2, 9).map((line) => line.slice(0, 7))).toEqual(
      ['t23', 't24', 't25', 't26', 't27', 't28', 't29'].map((task) => `web/${task}`),
    );
    expect(drawn.at(-1)).toBe('c m n sort by [cpu] memory name  q quit  23 more: arrows');
  });

  it('sorts by processor, memory or name, and those without numbers last', () => {
    const names = (sort: 'cpu' | 'memory' | 'name') =>
      sortRows(
        [
          row('a', {}),
          row('c', { cpu: { ...SAMPLE.cpu, percent: 1 }, memory: { rssBytes: 2 ** 40 } }),
          row('d', { cpu: { ...SAMPLE.cpu, percent: 300 } }),
        ].concat({ view: { ...view, task: 'b' } }),
        sort,
      ).map(({ view: { task } }) => task);
    expect(names('cpu')).toEqual(['d', 'a', 'c', 'b']);
    expect(names('memory')).toEqual(['c', 'a', 'd', 'b']);
    expect(names('name')).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('iterations that are merged', () => {
  async function* counting(from: number, to: number): AsyncGenerator<number> {
    for (let at = from; at <= to; at += 1) yield at;
  }

  it('give everything of all of them', async () => {
    const seen: number[] = [];
    for await (const one of merged([counting(1, 3), counting(10, 11), counting(1, 0)])) {
      seen.push(one);
    }
    expect(seen.toSorted((left, right) => left - right)).toEqual([1, 2, 3, 10, 11]);
  });

  it('end with the error of the first that fails', async () => {
    async function* failing(): AsyncGenerator<number> {
      yield 1;
      throw new Error('over');
    }
    const read = async () => {
      for await (const _ of merged([failing(), counting(1, 100_000)])) continue;
    };
    await expect(read()).rejects.toThrow('over');
  });
});
