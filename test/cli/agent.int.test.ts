/** The command and real agents: who starts one, who is refused, and what stays when one ends. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectOrchestrator } from '../../src/client/connect-orchestrator.ts';
import type { TaskView } from '../../src/api.ts';

const bin = resolve(import.meta.dirname, '../../bin/holdfast');
const run = promisify(execFile);

let dir: string;
let dataDir: string;
let file: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-agent-'));
  chmodSync(dir, 0o755);
  dataDir = join(dir, 'data');
  file = join(dir, 'clock.yaml');
  writeFileSync(
    file,
    `name: clock
tasks:
  - name: tick
    driver: raw_exec
    config: { command: sh, args: ['-c', 'echo out; echo err >&2; exec sleep 1000'] }
`,
  );
});
afterEach(async () => {
  const agent = await connectOrchestrator({ dataDir }).catch(() => undefined);
  await agent?.close({ tasks: 'stop' });
  await agent?.close();
  rmSync(dir, { recursive: true, force: true });
});

function holdfast(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return run(bin, args, { env: { ...process.env, HOLDFAST_DATA_DIR: dataDir } });
}
async function runningTask(): Promise<TaskView> {
  let task: TaskView | undefined;
  await expect
    .poll(
      async () => {
        [task] = JSON.parse((await holdfast('ps', '--json')).stdout) as TaskView[];
        return task?.state;
      },
      { timeout: 20_000 },
    )
    .toBe('running');
  return task as TaskView;
}
async function agentPid(): Promise<number> {
  await using agent = await connectOrchestrator({ dataDir });
  return (await agent.agent()).pid;
}
async function endAgent(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  const socket = join(dataDir, 'agent.sock');
  await expect
    .poll(() => connectOrchestrator({ socket }).catch((error: unknown) => String(error)), {
      timeout: 20_000,
    })
    .toMatch(/no agent listens|nobody listens/);
}

describe('run without an agent', () => {
  it('starts one in a session of its own, says so, and prints the alloc id', async () => {
    const { stdout, stderr } = await holdfast('run', file);
    const pid = await agentPid();
    expect(stderr).toContain(
      `no agent ran on ${dataDir}: started one in the background (pid ${pid})`,
    );
    const task = await runningTask();
    expect(stdout).toBe(`${task.allocId}\n`);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const session = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
    expect(session).toBe(pid);
    const again = await holdfast('run', file);
    expect(again.stdout).toBe(stdout);
    expect(again.stderr).not.toContain('started one');
  });

  it('starts a single one for two commands at a time', async () => {
    const other = join(dir, 'other.yaml');
    writeFileSync(other, readFileSync(file, 'utf8').replace('name: clock', 'name: other'));
    await Promise.all([holdfast('run', file), holdfast('run', other)]);
    const { stdout } = await holdfast('ps', '--json');
    const names = (JSON.parse(stdout) as TaskView[]).map(({ alloc }) => alloc);
    expect(names.toSorted()).toEqual(['clock', 'other']);
  });
});

describe('the commands with a real agent', () => {
  it('show output, events and the past, signal, restart and stop', async () => {
    await holdfast('run', file);
    const task = await runningTask();
    await expect
      .poll(async () => holdfast('logs', 'clock'), { timeout: 20_000 })
      .toEqual({ stdout: 'out\n', stderr: 'err\n' });
    const { stdout } = await holdfast('events', 'clock', '--jsonl');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; position: number });
    expect(events.map(({ type }) => type)).toContain('TaskStarted');
    const started = events.find(({ type }) => type === 'TaskStarted');
    const before = await holdfast(
      'inspect',
      'clock',
      '--at',
      String(Number(started?.position) - 1),
      '--json',
    );
    expect((JSON.parse(before.stdout) as { tasks: TaskView[] }).tasks[0]?.pid).toBeNull();
    await holdfast('restart', 'clock/tick');
    await expect
      .poll(async () => JSON.parse((await holdfast('ps', '--json')).stdout) as TaskView[], {
        timeout: 20_000,
      })
      .toMatchObject([{ state: 'running', run: task.run + 1 }]);
    expect((await runningTask()).pid).not.toBe(task.pid);
    await holdfast('stop', 'clock');
    expect((await holdfast('ps', '--json')).stdout).toBe('[]\n');
    const [ended] = JSON.parse((await holdfast('ps', '-a', '--json')).stdout) as TaskView[];
    expect(ended).toMatchObject({ alloc: 'clock', state: 'stopped', pid: null });
  });

  it('tell what a signal did', async () => {
    await holdfast('run', file);
    await runningTask();
    await holdfast('signal', 'usr1', 'clock');
    await expect
      .poll(async () => (await holdfast('events', 'clock')).stdout, { timeout: 20_000 })
      .toContain('signal=SIGUSR1');
  });
});

describe('an agent', () => {
  it('leaves its tasks running when it is ended, and the next one finds them', async () => {
    await holdfast('run', file);
    const task = await runningTask();
    await endAgent(await agentPid());
    const agent = spawn(bin, ['agent', '--data-dir', dataDir, '--driver', 'raw_exec'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const lines: object[] = [];
    agent.stderr.on('data', (data: Buffer) => {
      for (const line of data.toString().trim().split('\n')) lines.push(JSON.parse(line) as object);
    });
    await expect
      .poll(() => lines, { timeout: 20_000 })
      .toContainEqual(
        expect.objectContaining({
          message: 'ready',
          drivers: ['docker', 'exec', 'java', 'raw_exec'],
        }),
      );
    expect(await runningTask()).toMatchObject({ pid: task.pid, run: task.run });
    agent.kill('SIGTERM');
    expect(await once(agent, 'exit')).toEqual([0, null]);
    const reason = { reason: 'SIGTERM', message: 'ending; the tasks go on' };
    expect(lines).toContainEqual(expect.objectContaining(reason));
    // One more agent, so that there is one to end the task with the test.
    await holdfast('run', file);
  });

  it('is refused where another one is, by its pid', async () => {
    await holdfast('run', file);
    const pid = await agentPid();
    const refused = await holdfast('agent').catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 4 });
    const { stderr } = refused as { stderr: string };
    expect(stderr).toMatch(new RegExp(`^holdfast: [^\\n]*\\b${pid}\\b[^\\n]*\\n$`));
  });
});
