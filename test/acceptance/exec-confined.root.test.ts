/** Commands beside tasks that have another user, cgroup, root or network than the agent. */
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecOptions, ExecSession, Orchestrator } from '../../src/api.ts';
import { exec, openOrchestrator } from '../../src/index.ts';
import { noContainersBecause } from '../processes/container-rig.ts';
import { processesOf } from '../processes/session-rig.ts';
import { until } from './rig.ts';

const TERMINAL = { terminal: { columns: 80, rows: 24 } };
const obstacle = noContainersBecause();
const title = `a command beside a task, %s (${obstacle ?? 'here'})`;

async function hear(session: ExecSession): Promise<string> {
  let text = '';
  for await (const { data } of session.output) text += Buffer.from(data);
  return text.replaceAll('\r', '');
}

describe.skipIf(obstacle).each(['universal', 'isolated'])(title, (kind) => {
  let dataDir: string;
  let agent: Orchestrator;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'hc-'));
    agent = await openOrchestrator({ dataDir, drivers: [exec()] });
    const config = { command: 'sleep', args: ['100000'], executor: kind };
    await agent.run({
      name: 'web',
      tasks: [{ name: 'api', driver: 'exec', user: '65534:65534', config }],
    });
    await until(
      'the task runs',
      async () => (await agent.inspect('web')).tasks[0]?.state === 'running',
    );
  });
  afterAll(async () => {
    await agent.close({ tasks: 'stop' });
    await rm(dataDir, { recursive: true, force: true });
  });

  const shell = (script: string, options?: ExecOptions): Promise<ExecSession> =>
    agent.exec('web', ['sh', '-c', script], options);

  it.each([{}, TERMINAL])(
    'has the user, groups, capabilities and cgroup of its task %j',
    async (options) => {
      const script = 'id -u; id -g; id -G; grep -E "^Cap" /proc/self/status; cat /proc/self/cgroup';
      const own = await hear(await shell(script, options));
      const { pid } = (await agent.inspect('web')).tasks[0] ?? {};
      const [uid, gid, groups, ...rest] = own.trim().split('\n');
      expect([uid, gid, groups]).toEqual(['65534', '65534', '65534']);

      const capabilities = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^Cap.*$/gm);
      expect(rest.filter((line) => line.startsWith('Cap'))).toEqual(capabilities);
      const cgroups = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
      expect(rest.filter((line) => /^\d+:/.test(line))).toEqual(cgroups);
    },
  );

  it('may open its own output again', async () => {
    const session = await shell('echo out >/dev/stdout; echo err >/dev/stderr');
    expect(await hear(session)).toContain('out');
    expect(await session.exit).toMatchObject({ exitCode: 0 });
  });

  it.each([{}, TERMINAL])('ends with its own code %j', async (options) => {
    for (const code of [0, 1, 125, 255]) {
      const session = await shell(`exit ${code}`, options);
      expect(await session.exit).toEqual({ exitCode: code, signal: null, reason: 'exited' });
    }
    const killed = await shell('kill -KILL $$', options);
    expect(await killed.exit).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  });

  it('is refused when there is no such command', async () => {
    for (const options of [{}, TERMINAL]) {
      await expect(agent.exec('web', ['no-such-command'], options)).rejects.toMatchObject({
        code: 'COMMAND_NOT_FOUND',
        message: expect.stringMatching(/^command "no-such-command" was not found on PATH /),
      });
      await expect(agent.exec('web', ['/etc/passwd'], options)).rejects.toMatchObject({
        code: 'COMMAND_NOT_EXECUTABLE',
      });
    }
  });

  it('is refused in the same words for a directory or a user that is not there', async () => {
    for (const options of [{}, TERMINAL]) {
      const missing = { code: 'NOT_FOUND', message: 'the working directory /no/where is missing' };
      await expect(shell('true', { ...options, cwd: '/no/where' })).rejects.toMatchObject(missing);
      const message = 'user "nobody-like-this" is not known on this machine';
      const unknown = { code: 'NOT_FOUND', message };
      const user = 'nobody-like-this';
      await expect(shell('true', { ...options, user })).rejects.toMatchObject(unknown);
    }
  });

  // runc enters before it gives its rights away.
  it.skipIf(kind === 'isolated')('is told where its user may not enter', async () => {
    const config = { command: 'sleep', args: ['100000'], executor: kind, capDrop: ['all'] };
    const tasks = [{ name: 'api', driver: 'exec', user: '65534', config }];
    await chmod(dataDir, 0o711);
    await agent.run({ name: 'closed', tasks });
    await until(
      'the other one runs',
      async () => (await agent.inspect('closed')).tasks[0]?.state === 'running',
    );
    for (const options of [{}, TERMINAL]) {
      const session = await agent.exec('closed', ['true'], {
        ...options,
        user: 'daemon',
        cwd: 'secrets',
      });
      const said =
        /^user daemon may not enter the working directory \/.*: choose another with -w\n$/;
      expect(await hear(session)).toMatch(said);
      expect(await session.exit).toMatchObject({ exitCode: 126 });
    }
    await agent.stop('closed');
  });

  it('runs as somebody else when asked to', async () => {
    expect(await hear(await shell('id -u; echo $HOME', { user: 'root' }))).toBe('0\n/root\n');
    await expect(shell('true', { user: 'nobody-like-this' })).rejects.toMatchObject({
      message: expect.stringContaining('nobody-like-this'),
    });
  });

  it('has a terminal of its own size, with job control', async () => {
    const script =
      'stty size; trap "stty size; exit 5" WINCH; echo ready; while :; do sleep 0.05; done';
    const session = await shell(script, { terminal: { columns: 100, rows: 30 } });
    let text = '';
    for await (const { data } of session.output) {
      text += Buffer.from(data);
      if (text.includes('ready') && !text.includes('20 60')) {
        await session.resize({ columns: 60, rows: 20 });
      }
    }
    expect(text.replaceAll('\r', '')).toMatch(/^30 100\nready\n(20 60\n)+$/);
    // In small pieces: a ^C that comes just before a long sleep begins would wait for its end.
    const waiting = 'trap "exit 7" INT; echo ready; while :; do sleep 0.05; done';
    const interrupted = await shell(waiting, TERMINAL);
    for await (const { data } of interrupted.output) {
      if (Buffer.from(data).includes('ready')) await interrupted.write('\x03');
    }
    expect((await interrupted.exit).exitCode).toBe(7);
  });

  it('reads input and writes it back, with nothing lost', async () => {
    const session = await shell('cat');
    const piece = '0123456789abcdef'.repeat(4_096);
    const heard = hear(session);
    for (let count = 0; count < 16; count += 1) await session.write(piece);
    await session.end();
    expect(await heard).toBe(piece.repeat(16));
  });

  it.each([{}, TERMINAL])('loses nothing of many short ones %j', async (options) => {
    for (let index = 0; index < 10; index += 1) {
      const session = await shell(`printf %020000d 7; exit ${index}`, options);
      const text = await hear(session);
      expect([text.length, (await session.exit).exitCode]).toEqual([20_000, index]);
    }
  });

  it('is ended with everything it started', async () => {
    const session = await shell("setsid sleep 99999 & trap '' HUP TERM; sleep 99999");
    await session[Symbol.asyncDispose]();
    expect(await session.exit).toMatchObject({ reason: 'closed' });
    expect(processesOf(session.id)).toEqual([]);
  });
});
