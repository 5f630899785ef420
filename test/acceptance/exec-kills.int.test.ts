/** Commands beside tasks whose agent or host is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExecSession, Orchestrator, PublicEvent } from '../../src/api.ts';
import { processesOf } from '../processes/session-rig.ts';
import { Machine, until } from './rig.ts';

const group = {
  name: 'web',
  tasks: [{ name: 'api', driver: 'raw_exec', config: { command: 'sleep', args: ['100000'] } }],
};
/** Counts to 500 within a few seconds, whoever listens. */
const COUNT = 'i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo $i; sleep 0.005; done; exit 7';
const COUNTED = Array.from({ length: 500 }, (_one, index) => `${index + 1}\n`).join('');

describe('a command beside a task', () => {
  let machine: Machine;
  let agent: Orchestrator;

  beforeEach(async () => {
    machine = new Machine();
    agent = await machine.startAgent();
    await agent.run(group);
    await until('the task runs', async () => {
      return (await agent.inspect('web')).tasks[0]?.state === 'running';
    });
  });
  afterEach(async () => {
    await agent.close();
    await machine.scrap();
  });

  const closings = async (session: ExecSession): Promise<readonly unknown[]> => {
    const found: PublicEvent[] = [];
    for await (const event of agent.events({ ref: 'web', until: 'head' })) found.push(event);
    return found
      .filter(({ type, data }) => {
        return type === 'SessionClosed' && (data as { session: string }).session === session.id;
      })
      .map(({ data }) => data);
  };

  const lastOfSessions = async (): Promise<PublicEvent | undefined> => {
    let last: PublicEvent | undefined;
    for await (const event of agent.events({ ref: 'web', until: 'head' })) {
      if (event.type.startsWith('Session')) last = event;
    }
    return last;
  };

  it('goes on without its agent, and the next one has every byte', async () => {
    const session = await agent.exec('web', ['sh', '-c', COUNT]);
    let seen = '';
    let offset = 0;
    const lost = (async () => {
      for await (const chunk of session.output) {
        seen += Buffer.from(chunk.data);
        ({ offset } = chunk);
      }
    })();
    lost.catch(() => undefined);
    await until('something was read', () => seen.includes('20\n'));
    await machine.killAgent();
    await expect(lost).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await agent.close();
    agent = await machine.startAgent();
    const again = await agent.attach(session.id, { after: offset });
    for await (const { data } of again.output) seen += Buffer.from(data);
    expect(seen).toBe(COUNTED);
    expect(await again.exit).toEqual({ exitCode: 7, signal: null, reason: 'exited' });
    expect(await closings(session)).toHaveLength(1);
  });

  it('that waits for room goes on when a reader that had more comes back', async () => {
    const script = 'head -c 1000000 /dev/zero; exit 3';
    const session = await agent.exec('web', ['sh', '-c', script], { takesByWord: true });
    let offset = 0;
    const lost = (async () => {
      for await (const chunk of session.output) ({ offset } = chunk);
    })();
    lost.catch(() => undefined);
    await until('everything there is was read, and nothing taken', () => offset >= 256 * 1024);
    await machine.killAgent();
    await expect(lost).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await agent.close();
    agent = await machine.startAgent();
    const again = await agent.attach(session.id, { after: offset });
    for await (const { data } of again.output) offset += data.length;
    expect(offset).toBe(1_000_000);
    expect(await again.exit).toMatchObject({ exitCode: 3 });
  });

  it('that ended while no agent was there is closed with its own end, and can be read', async () => {
    const session = await agent.exec('web', [
      'sh',
      '-c',
      'echo before; sleep 0.5; echo after; exit 9',
    ]);
    await machine.killAgent();
    await until('it has ended', () => processesOf(session.id).length === 0);
    await agent.close();
    agent = await machine.startAgent();
    const again = await until('it is known', () => agent.attach(session.id).catch(() => undefined));
    let text = '';
    for await (const { data } of again.output) text += Buffer.from(data);
    expect(text).toBe('before\nafter\n');
    expect(await again.exit).toMatchObject({ exitCode: 9 });
    expect(await closings(session)).toEqual([
      { session: session.id, exitCode: 9, signal: null, reason: 'exited' },
    ]);
  });

  it('ends with its host, and that is told', async () => {
    const session = await agent.exec('web', ['sh', '-c', "trap '' HUP PIPE; sleep 100000 & wait"]);
    await until('it runs', () => processesOf(session.id).length === 2);
    process.kill(machine.hostPid('executor') ?? 0, 'SIGKILL');
    const exit = await session.exit;
    expect(exit).toEqual({ exitCode: null, signal: null, reason: 'its host was lost' });
    for await (const _chunk of session.output) expect.unreachable();
    expect(processesOf(session.id)).toEqual([]);
    expect(await closings(session)).toHaveLength(1);
    const next = await agent.exec('web', ['true']);
    expect(await next.exit).toMatchObject({ exitCode: 0 });
  });

  it('whose opening a host answers too late is ended, and is not said to be unbegun', async () => {
    const host = machine.hostPid('executor') ?? 0;
    process.kill(host, 'SIGSTOP');
    const late = agent.exec('web', ['sleep', '100000']);
    try {
      await expect(late).rejects.toMatchObject({
        code: 'TIMEOUT',
        message: 'the executor host does not answer',
      });
      expect(await lastOfSessions()).toMatchObject({ type: 'SessionOpened' });
    } finally {
      process.kill(host, 'SIGCONT');
    }
    const { type, data } = await until('its end is recorded', async () => {
      const last = await lastOfSessions();
      return last?.type === 'SessionClosed' ? last : undefined;
    });
    const { session, reason } = data as { session: string; reason: string };
    const text = 'lost: nobody knows whether it began: the executor host does not answer';
    expect([type, reason, processesOf(session)]).toEqual(['SessionClosed', text, []]);
  });

  it('of the command line goes on with the next agent, input and output', async () => {
    const args = ['exec', 'web', '--data-dir', machine.dataDir, '-i', '--', 'cat'];
    const cli: ChildProcess = spawn(machine.command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let text = '';
    cli.stdout?.on('data', (data: Buffer) => (text += data.toString()));
    const ended = new Promise<number | null>((resolve) => cli.once('exit', resolve));
    cli.stdin?.write('one\n');
    await until('it answers', () => text === 'one\n');
    await machine.killAgent();
    cli.stdin?.write('two\n');
    await agent.close();
    agent = await machine.startAgent();
    await until('it goes on', () => text === 'one\ntwo\n');
    cli.stdin?.end('three\n');
    expect(await ended).toBe(0);
    expect(text).toBe('one\ntwo\nthree\n');
  });
});
