/** Exit statuses and the one line, in process: with an agent that is a fake, and without any. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommand } from '../../src/cli/run-command.ts';
import { ERROR_CODES } from '../../src/errors.ts';
import { serveAgent } from '../../src/server/agent-service.ts';
import { FakeOrchestrator } from '../client/fake-orchestrator.ts';
import type { Listener } from '../../src/rpc/unix-socket.ts';

let dataDir: string;
let stdout: string;
let stderr: string;

function capture(stream: NodeJS.WriteStream, take: (text: string) => void): void {
  vi.spyOn(stream, 'write').mockImplementation((data: string | Uint8Array) => {
    take(Buffer.from(data as Uint8Array).toString());
    return true;
  });
}
async function holdfast(...args: string[]): Promise<number> {
  [stdout, stderr] = ['', ''];
  const code = await runCommand(args);
  process.exitCode = 0;
  return code;
}

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
  vi.stubEnv('HOLDFAST_DATA_DIR', dataDir);
  vi.stubEnv('NO_COLOR', '1');
  capture(process.stdout, (text) => (stdout += text));
  capture(process.stderr, (text) => (stderr += text));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(dataDir, { recursive: true });
});

describe('wrong usage', () => {
  it.each([
    [['frobnicate'], "holdfast: unknown command 'frobnicate' (see holdfast --help)\n"],
    [['ps', '--nope'], "holdfast: unknown option '--nope' (see holdfast ps --help)\n"],
    [['logs'], "holdfast: missing required argument 'ref' (see holdfast logs --help)\n"],
    [['signal', 'HPU', 'web'], 'holdfast: HPU is not a signal. Did you mean SIGHUP?\n'],
    [
      ['events', '--after', 'x'],
      'holdfast: --after wants a position, such as 41 or STORE:41, not "x"\n',
    ],
    [
      ['stats', '--interval', '1'],
      'holdfast: --interval wants a duration from 100ms on, such as 500ms or 2s, not "1"\n',
    ],
    [['inspect', 'web', '--at', 'x'], 'holdfast: --at wants a position, such as 41, not "x"\n'],
  ])('is one line and exit status 2: %j', async (args, line) => {
    expect(await holdfast(...args)).toBe(2);
    expect(stderr).toBe(line);
    expect(stdout).toBe('');
  });
});

describe('without an agent', () => {
  it.each([
    [['ps']],
    [['node']],
    [['logs', 'web']],
    [['events']],
    [['stop', 'web']],
    [['signal', '1', 'web']],
  ])('%j says how to start one, exit status 5', async (args) => {
    expect(await holdfast(...args)).toBe(5);
    expect(stderr).toBe(
      `holdfast: no agent runs on ${dataDir}: start one with "holdfast agent --data-dir ${dataDir}"\n`,
    );
  });

  it('run --no-agent refuses to start one', async () => {
    const file = join(dataDir, 'web.yaml');
    writeFileSync(file, 'name: web\ntasks: [{ name: api, driver: raw_exec }]\n');
    expect(await holdfast('run', file, '--no-agent')).toBe(5);
  });

  it('version and help work', async () => {
    expect(await holdfast('version')).toBe(0);
    expect(stdout).toMatch(/^holdfast \d+\.\d+\.\d+ \(Node [\d.]+\)\n$/);
    expect(await holdfast('ps', '--help')).toBe(0);
    expect(stdout).toMatch(/^Examples:\n {2}holdfast ps -a --json\n\nUsage: holdfast ps/);
  });

  it('help names the default data directory and every exit status', async () => {
    expect(await holdfast('--help')).toBe(0);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('/var/lib/holdfast for root');
    // What a program is not found with is told by the state of its task, not by the command.
    const statuses = Object.values(ERROR_CODES).map(({ exit }) => exit);
    for (const status of statuses.filter((exit) => exit !== 126 && exit !== 127)) {
      expect(stdout).toMatch(new RegExp(` ${status}  [a-z]`));
    }
  });

  it('help of agent says what raw_exec needs, and hides what only run uses', async () => {
    expect(await holdfast('agent', '--help')).toBe(0);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('is off unless asked for: --driver raw_exec');
    expect(stdout).not.toMatch(/default:|--background/);
  });
});

describe('with an agent', () => {
  let fake: FakeOrchestrator;
  let listener: Listener;
  beforeEach(async () => {
    fake = new FakeOrchestrator();
    const two = ['api', 'migrate'].map((name) => ({ name, driver: 'raw_exec' }));
    await fake.run({ name: 'web', tasks: two });
    await fake.run({ name: 'one', tasks: two.slice(0, 1) });
    listener = await serveAgent({ orchestrator: fake, dataDir });
  });
  afterEach(() => listener.close());

  it('ps --json is an array with one element a task', async () => {
    expect(await holdfast('ps', '--json')).toBe(0);
    const tasks = JSON.parse(stdout) as unknown[];
    expect(tasks).toHaveLength(3);
    expect(tasks[0]).toMatchObject({
      alloc: 'web',
      allocId: 'id-of-web',
      task: 'api',
      driver: 'raw_exec',
      state: 'running',
      run: 1,
      pid: 4182,
      restarts: 0,
      exitCode: null,
    });
  });

  it('node tells what the machine can do and why not, for people and for programs', async () => {
    expect(await holdfast('node')).toBe(0);
    expect(stdout).toContain('\nDRIVER    HEALTH   WHY\nraw_exec  healthy\n');
    expect(stdout).toContain('\nCAPABILITY   HERE  WHY\ncgroup.kill  no    not here\n');
    expect(stdout).toMatch(/^starts wait +disk-low$/m);
    expect(await holdfast('node', '--json')).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      agentEpoch: 2,
      capabilities: [{ name: 'cgroup.kill', isAvailable: false, reason: 'not here' }],
    });
  });

  it('stats gives a line a sample where there is no terminal, of all tasks that are named', async () => {
    const names = { alloc: 'web', allocId: 'id-of-web', task: 'api', run: 1 };
    const cpu = { totalNs: 1, userNs: 1, systemNs: 0, percent: 1 };
    const rest = { cpu, memory: {}, io: {}, pids: 1, threads: 1, processes: [] };
    fake.samples.push({ ...names, time: '2026-01-02T03:04:05.678Z', ...rest });
    expect(await holdfast('stats', 'web/api', 'one', '--json', '--interval', '2s')).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([names, names]);
    expect(fake.calls.toSorted()).toEqual(['stats one 2000 false', 'stats web/api 2000 false']);
    expect(await holdfast('stats', 'web/api')).toBe(0);
    expect(stdout).toContain('web/api run=1 cpu_percent=1.0 mem=- ');
  });

  it('stats --no-stream waits for a share of the processor, and top wants a terminal', async () => {
    const names = { alloc: 'one', allocId: 'id-of-one', task: 'api', run: 1 };
    const time = '2026-01-02T03:04:05.678Z';
    const rest = { memory: {}, io: {}, pids: 1, threads: 1, processes: [] };
    for (const percent of [0, 25, 50]) {
      const cpu = { totalNs: 1, userNs: 1, systemNs: 0, percent };
      fake.samples.push({ ...names, time, cpu, ...rest });
    }
    expect(await holdfast('stats', 'one', '--no-stream')).toBe(0);
    expect(stdout).toMatch(/^TASK .*\none\/api +1 +25\.0 /);
    expect(await holdfast('top')).toBe(2);
    expect(stderr).toBe('holdfast: this needs a terminal: use "holdfast stats" elsewhere\n');
  });

  it('stats --no-stream of what has ended is refused in this state', async () => {
    await fake.stop('one');
    for (const more of [[], ['--json']]) {
      expect(await holdfast('stats', 'one', '--no-stream', ...more)).toBe(4);
      expect(stderr).toBe('holdfast: one has ended: there is nothing to measure\n');
    }
  });

  it('ps shows finished allocs with -a only', async () => {
    await holdfast('stop', 'web');
    expect(stderr).toBe('web is stopped\n');
    await holdfast('ps');
    expect(stdout).not.toContain('web');
    await holdfast('ps', '-a');
    expect(stdout).toContain('web');
  });

  it('events --jsonl is one event a line, to the head', async () => {
    expect(await holdfast('events', 'web', '--jsonl', '--after', '1')).toBe(0);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(events).toHaveLength(2);
    const keys = ['position', 'storeId', 'time', 'type', 'alloc', 'allocId', 'task', 'run', 'data'];
    expect(Object.keys(events[0] ?? {})).toEqual(keys);
  });

  it('logs sends each stream to its own, and wants to know which task', async () => {
    const chunk = (stream: 'stdout' | 'stderr', cursor: string) => ({
      stream,
      cursor,
      run: 1,
      time: '2026-01-01T00:00:00.000Z',
      data: Buffer.from(`${stream}\n`),
    });
    fake.output.set('one/api', [chunk('stdout', '1'), chunk('stderr', '2')]);
    expect(await holdfast('logs', 'one')).toBe(0);
    expect([stdout, stderr]).toEqual(['stdout\n', 'stderr\n']);
    expect(await holdfast('logs', 'one/api', '--stderr')).toBe(0);
    expect([stdout, stderr]).toEqual(['', 'stderr\n']);
    expect(await holdfast('logs', 'web')).toBe(3);
    expect(stderr).toBe(
      'holdfast: web has 2 tasks, name one of them: web/api, web/migrate; or all with --prefix\n',
    );
  });

  it('inspect of a task leaves out the others', async () => {
    expect(await holdfast('inspect', 'web/api', '--at', '2', '--json')).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      alloc: 'web',
      position: 2,
      tasks: [{ task: 'api' }],
    });
    expect((JSON.parse(stdout) as { tasks: unknown[] }).tasks).toHaveLength(1);
  });

  it('a REF of nothing is not found, exit status 3', async () => {
    expect(await holdfast('inspect', 'nothing')).toBe(3);
    expect(stderr).toBe('holdfast: there is nothing called nothing\n');
  });

  it('signal takes the short name', async () => {
    expect(await holdfast('signal', 'hup', 'web/api')).toBe(0);
    expect(fake.calls).toEqual(['signal web/api SIGHUP']);
  });

  it.each([
    ['complete', 0, 0],
    ['failed', 3, 1],
  ] as const)('run --wait of a group that is %s ends with it', async (state, exitCode, status) => {
    const file = join(dataDir, 'job.yaml');
    writeFileSync(file, 'name: job\ntype: batch\ntasks: [{ name: a, driver: raw_exec }]\n');
    const done = holdfast('run', file, '--wait');
    await expect.poll(async () => (await fake.allocs()).length).toBe(3);
    await fake.end('job', state, exitCode, 'that is why');
    expect(await done).toBe(status);
    expect(stdout).toBe('id-of-job\n');
    expect(stderr).toBe(status === 0 ? '' : 'holdfast: job is failed (a: that is why)\n');
  });

  it('run names the file in what the agent refuses', async () => {
    const file = join(dataDir, 'job.yaml');
    writeFileSync(file, 'name: job\ntasks: [{ name: a, driver: nope }]\n');
    expect(await holdfast('run', file)).toBe(6);
    expect(stderr).toBe(`holdfast: ${file}: there is no driver nope\n`);
  });
});
