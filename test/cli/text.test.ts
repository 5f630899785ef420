/** What people read: tables, lines and durations. */
import { describe, expect, it } from 'vitest';
import { agentLog } from '../../src/cli/agent-log.ts';
import { findingTable } from '../../src/cli/doctor.ts';
import { eventLine } from '../../src/cli/event-line.ts';
import { parseAfter } from '../../src/cli/events.ts';
import { inspectText } from '../../src/cli/inspect.ts';
import { formatTable } from '../../src/cli/table.ts';
import { taskTable, upOf } from '../../src/cli/task-table.ts';
import { failure, fine, sizeText, warning } from '../../src/doctor/finding.ts';
import { fromAlloc, toAlloc } from '../../src/server/convert.ts';
import { FakeOrchestrator } from '../client/fake-orchestrator.ts';
import type { TaskView } from '../../src/api.ts';

const NOW = Date.parse('2026-01-02T03:06:16.678Z');

async function task(more: Partial<TaskView> = {}): Promise<TaskView> {
  const fake = new FakeOrchestrator();
  const handle = await fake.run({ name: 'web', tasks: [{ name: 'api', driver: 'raw_exec' }] });
  return { ...(await handle.task('api').view()), ...more };
}

describe('a table', () => {
  it('aligns numbers right and leaves no blank at the end of a line', () => {
    const columns = [
      { title: 'NAME', cell: (row: readonly [string, number]) => row[0] },
      { title: 'N', cell: (row: readonly [string, number]) => String(row[1]), isNumber: true },
      { title: 'WHY', cell: () => '' },
    ];
    expect(
      formatTable(columns, [
        ['a', 100],
        ['longer', 1],
      ]),
    ).toBe('NAME      N  WHY\na       100\nlonger    1\n');
  });

  it('of tasks has one line a task', async () => {
    expect(taskTable([await task()], NOW)).toBe(
      'ALLOC  ID        TASK  DRIVER    STATE    RUN   PID  RESTARTS  UP\n' +
        'web    id-of-we  api   raw_exec  running    1  4182         0  2m11s\n',
    );
  });

  it('shows ports where there are any, and the network of an alloc that has one of its own', async () => {
    const fake = new FakeOrchestrator();
    await fake.run({ name: 'web', tasks: [{ name: 'api', driver: 'raw_exec' }] });
    const ports = [
      { label: 'http', hostIp: '192.0.2.1', hostPort: 8080, to: 80 },
      { label: 'any', hostIp: 'fd00::1', hostPort: 20_412, to: null },
    ];
    const [head = '', row = ''] = taskTable([await task()], NOW, () => ports).split('\n');
    expect(head.endsWith('UP     PORTS')).toBe(true);
    expect(row.endsWith('2m11s  http=8080,any=20412')).toBe(true);
    const view = { ...(await fake.inspect('web')), networkMode: 'bridge', ip: '10.9.0.2', ports };
    const text = inspectText(view, NOW);
    expect(text).toContain('network   bridge, 10.9.0.2\n');
    expect(text).toContain('port      http 192.0.2.1:8080 to 80\n');
    expect(text).toContain('port      any [fd00::1]:20412\n');
    expect(fromAlloc(toAlloc(view))).toEqual(view);
  });

  it('shows the reasons of one alloc without driving the terminal', async () => {
    const fake = new FakeOrchestrator();
    await fake.run({ name: 'web', tasks: [{ name: 'api', driver: 'raw_exec' }] });
    const view = await fake.end('web', 'failed', 3, 'bad\u001b[31m\nnews');
    expect(inspectText(view, NOW)).toContain('state     failed: bad\\x1b[31m news\n');
  });
});

describe('what a doctor found', () => {
  it('is a line each, with what to do behind it, and cannot drive the terminal', () => {
    const findings = [
      fine('node', '24.1.0'),
      warning('runs', '1 run alive', 'start an agent: it adopts it'),
      failure('agent', 'pid 7 is \u001b[31mstopped', 'kill -CONT 7'),
    ];
    expect(findingTable(findings)).toBe(
      '      CHECK  FINDING\n' +
        'ok    node   24.1.0\n' +
        'warn  runs   1 run alive. Start an agent: it adopts it\n' +
        'fail  agent  pid 7 is \\x1b[31mstopped. Try: kill -CONT 7\n',
    );
  });

  it('has sizes for people', () => {
    const sizes = [0, 1_023, 1_024, 150 * 1_024, 1.5 * 1_024 ** 3, 3 * 1_024 ** 5];
    expect(sizes.map(sizeText)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '150 KiB',
      '1.5 GiB',
      '3072 TiB',
    ]);
  });
});

describe('the time of a task', () => {
  it('is how long it runs, when it starts again, or how it ended', async () => {
    const ended = { pid: null, finishedAt: '2026-01-02T03:05:16.678Z' };
    const again = { pid: null, nextStartAt: '2026-01-02T03:06:20.678Z' };
    const day = { startedAt: '2025-12-31T02:00:00.000Z' };
    const times = [{}, day, again, { ...ended, exitCode: 1 }, { ...ended, signal: 'SIGKILL' }];
    const shown = times.map(async (more) => upOf(await task(more), NOW));
    expect(await Promise.all(shown)).toEqual([
      '2m11s',
      '2d1h',
      'in 4s',
      'exit 1, 1m ago',
      'SIGKILL, 1m ago',
    ]);
  });

  it('of one that never ran is a dash', async () => {
    expect(upOf(await task({ pid: null, startedAt: null }), NOW)).toBe('-');
    const killed = { pid: null, signal: 'SIGKILL', oomKilled: true };
    expect(upOf(await task(killed), NOW)).toBe('out of memory');
  });
});

describe('the line of an event', () => {
  it('names position, whom it is about, what happened and the plain facts', () => {
    const event = {
      position: 43,
      storeId: 's',
      time: '2026-01-02T03:04:05.678Z',
      type: 'TaskExited',
      alloc: 'web',
      allocId: 'x',
      task: 'api',
      run: 1,
      data: { exitCode: 137, signal: null, message: 'a b\u0007', env: [], mark: 'x' },
    };
    expect(eventLine(event)).toMatch(
      /^ {4}43 {2}\d\d:04:05\.678 {2}web\/api {15}TaskExited {11}run=1 exitCode=137 message="a b.*x07"\n$/,
    );
  });
});

describe('--after', () => {
  it('is a position, with its store or without', () => {
    expect([parseAfter(undefined), parseAfter('41'), parseAfter('ab-c:41')]).toEqual([
      {},
      { after: 41 },
      { after: 41, storeId: 'ab-c' },
    ]);
  });

  it.each(['', 'x', '-1', '1.5', ':4', 'a:b:4', '9'.repeat(20)])('refuses %j', (text) => {
    expect(() => parseAfter(text)).toThrow('--after wants a position');
  });
});

describe('the log of the agent', () => {
  it('is JSON lines that keep the message of an Error', () => {
    const lines: string[] = [];
    const log = agentLog({ write: (text) => lines.push(text) }, 'info');
    log.debug({}, 'hidden');
    log.error({ code: 'INTERNAL', cause: new Error('deep') }, 'it failed');
    expect(lines).toHaveLength(1);
    const entry: unknown = JSON.parse(lines[0] ?? '');
    expect(entry).toMatchObject({ level: 'error', message: 'it failed', code: 'INTERNAL' });
    expect(lines[0]).toContain('deep');
  });
});
