/** Commands beside real tasks, in process and over a socket. */
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecOptions, ExecSession, Orchestrator, PublicEvent } from '../../src/api.ts';
import { connectOrchestrator } from '../../src/client/connect-orchestrator.ts';
import { openOrchestrator, rawExec } from '../../src/index.ts';
import { serveAgent } from '../../src/server/agent-service.ts';
import { until } from './rig.ts';

const TERMINAL = { terminal: { columns: 80, rows: 24 } };
const group = {
  name: 'web',
  tasks: [
    {
      name: 'api',
      driver: 'raw_exec',
      config: { command: 'sleep', args: ['100000'] },
      env: { OF_THE_TASK: 'yes' },
    },
  ],
};

interface Heard {
  readonly stdout: string;
  readonly stderr: string;
}

async function hear(session: ExecSession): Promise<Heard> {
  const heard = { stdout: '', stderr: '' };
  for await (const { stream, data } of session.output) heard[stream] += Buffer.from(data);
  return heard;
}

describe.each(['in process', 'over a socket'])('a command beside a task, %s', (where) => {
  let dataDir: string;
  let own: Orchestrator;
  let agent: Orchestrator;
  let stopServing: (() => Promise<void>) | undefined;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'hx-'));
    own = await openOrchestrator({ dataDir, drivers: [rawExec()] });
    agent = own;
    if (where === 'over a socket') {
      const listener = await serveAgent({ orchestrator: own, dataDir });
      stopServing = () => listener.close();
      agent = await connectOrchestrator({ dataDir });
    }
    await agent.run(group);
    await until(
      'the task runs',
      async () => (await agent.inspect('web')).tasks[0]?.state === 'running',
    );
  });
  afterAll(async () => {
    if (agent !== own) await agent.close();
    await stopServing?.();
    await own.close({ tasks: 'stop' });
    await rm(dataDir, { recursive: true, force: true });
  });

  const shell = (script: string, options?: ExecOptions): Promise<ExecSession> =>
    agent.exec('web/api', ['sh', '-c', script], options);

  const eventsOf = async (session: string): Promise<readonly PublicEvent[]> => {
    const found: PublicEvent[] = [];
    for await (const event of agent.events({ ref: 'web', until: 'head' })) {
      if ((event.data as { session?: string }).session === session) found.push(event);
    }
    return found;
  };

  it('has the environment and the directory of the task, and what was asked for', async () => {
    const script =
      'echo $OF_THE_TASK $MORE $NOMAD_TASK_NAME; basename $(pwd); echo err >&2; exit 3';
    const session = await shell(script, { env: { MORE: 'more' }, cwd: 'local' });
    expect(await hear(session)).toEqual({ stdout: 'yes more api\nlocal\n', stderr: 'err\n' });
    expect(await session.exit).toEqual({ exitCode: 3, signal: null, reason: 'exited' });
  });

  it('is recorded before it begins and when it has ended, without its secrets', async () => {
    const argv = ['sh', '-c', 'kill -TERM $$', '--password=hunter2'];
    const session = await agent.exec('web/api', argv, { ...TERMINAL, actor: 'ann' });
    await session.exit;
    const events = await eventsOf(session.id);
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      [
        'SessionOpened',
        {
          session: session.id,
          argv: ['sh', '-c', 'kill -TERM $$', '--password=<redacted>'],
          user: '',
          isTerminal: true,
          actor: 'ann',
        },
      ],
      [
        'SessionClosed',
        { session: session.id, exitCode: null, signal: 'SIGTERM', reason: 'ended by SIGTERM' },
      ],
    ]);
    await session.detach();
  });

  it('is refused with its code, and that is recorded', async () => {
    await expect(agent.exec('web/api', ['no-such-command'])).rejects.toMatchObject({
      code: 'COMMAND_NOT_FOUND',
    });
    const all: PublicEvent[] = [];
    for await (const event of agent.events({ ref: 'web', until: 'head' })) all.push(event);
    expect(all.at(-1)).toMatchObject({
      type: 'SessionClosed',
      data: { exitCode: null, signal: null, reason: expect.stringContaining('not begun') },
    });
    await expect(agent.exec('web/other', ['true'])).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(agent.exec('web', [])).rejects.toMatchObject({ code: 'USAGE' });
    await expect(agent.attach('nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('reads input to its end and gives it back, more than any buffer holds', async () => {
    const session = await shell('cat; echo over >&2');
    const heard = hear(session);
    const piece = '0123456789abcdef'.repeat(8_192);
    for (let count = 0; count < 24; count += 1) await session.write(piece);
    await session.end();
    expect(await heard).toEqual({ stdout: piece.repeat(24), stderr: 'over\n' });
    expect(await session.exit).toMatchObject({ exitCode: 0 });
  });

  it('ends whether its output is read or not, and what it wrote can be read after', async () => {
    const session = await shell('printf 0123456789; exit 4');
    expect(await session.exit).toMatchObject({ exitCode: 4 });
    expect((await hear(session)).stdout).toBe('0123456789');
  });

  it('that writes nothing ends too, and can still be attached to', async () => {
    const session = await shell('exit 9');
    expect([await hear(session), await session.exit]).toMatchObject([
      { stdout: '' },
      { exitCode: 9 },
    ]);
    const again = await agent.attach(session.id);
    expect([await hear(again), await again.exit]).toMatchObject([{ stdout: '' }, { exitCode: 9 }]);
  });

  it('has a terminal that is resized', async () => {
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
    expect(await session.exit).toMatchObject({ exitCode: 5 });
  });

  it('is signalled, and hung up when its caller aborts', async () => {
    const session = await shell("trap 'exit 6' INT; echo ready; while :; do sleep 0.05; done");
    for await (const _chunk of session.output) await session.signal('SIGINT');
    expect(await session.exit).toMatchObject({ exitCode: 6 });
    const leaving = new AbortController();
    const other = await shell('sleep 100000', { signal: leaving.signal });
    leaving.abort();
    expect(await other.exit).toMatchObject({ signal: 'SIGHUP', reason: 'closed' });
  });

  it('goes on for somebody else where the one before stopped reading', async () => {
    const session = await shell('seq 1 20000; read line; echo $line; seq 20001 40000');
    let seen = '';
    let offset = 0;
    for await (const chunk of session.output) {
      seen += Buffer.from(chunk.data);
      ({ offset } = chunk);
      if (seen.length > 50_000) break;
    }
    await session.detach();
    const again = await agent.attach(session.id, { after: offset });
    await again.write('hello\n');
    const { stdout } = await hear(again);
    const lines = [...Array(40_000).keys()].map((index) => `${index + 1}\n`);
    lines.splice(20_000, 0, 'hello\n');
    expect(seen + stdout).toBe(lines.join(''));
  });

  it('waits for a slow reader', async () => {
    const session = await shell('head -c 3000000 /dev/zero; echo done >&2');
    let bytes = 0;
    for await (const { stream, data } of session.output) {
      if (stream === 'stdout') bytes += data.length;
      await delay(1);
    }
    expect([bytes, await session.exit]).toMatchObject([3_000_000, { exitCode: 0 }]);
  });

  it('ends with its run', async () => {
    const session = await shell('sleep 100000 & wait');
    const before = (await agent.inspect('web')).tasks[0]?.run;
    await agent.restart('web/api');
    expect(await session.exit).toMatchObject({ exitCode: null });
    await until('the next run', async () => {
      const task = (await agent.inspect('web')).tasks[0];
      return task?.state === 'running' && task.run !== before;
    });
    const [, closed] = await eventsOf(session.id);
    expect(closed?.type).toBe('SessionClosed');
    expect((await hear(await shell('echo again'))).stdout).toBe('again\n');
  });
});

describe('an orchestrator with commands beside its tasks', () => {
  it('leaves them when it is closed so, and holds nothing of those that ended', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'hx-'));
    const open = (): Promise<Orchestrator> => openOrchestrator({ dataDir, drivers: [rawExec()] });
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    let agent = await open();
    try {
      await agent.run(group);
      await until('the task runs', async () => {
        return (await agent.inspect('web')).tasks[0]?.state === 'running';
      });
      const before = descriptors();
      for (let count = 0; count < 50; count += 1) {
        const session = await agent.exec('web', ['true']);
        await hear(session);
        await session.exit;
      }
      expect(descriptors()).toBeLessThanOrEqual(before + 2);
      const session = await agent.exec('web', ['sh', '-c', 'echo up; read line; echo $line']);
      const heard = hear(session);
      await agent.close({ tasks: 'leave' });
      await expect(session.exit).rejects.toMatchObject({ code: 'CLOSED' });
      await heard.catch(() => undefined);
      agent = await open();
      const again = await agent.attach(session.id, { after: 0 });
      await again.write('down\n');
      expect(await hear(again)).toEqual({ stdout: 'up\ndown\n', stderr: '' });
      expect(await again.exit).toMatchObject({ exitCode: 0 });
    } finally {
      await agent.close({ tasks: 'stop' });
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
