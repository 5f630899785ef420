import { describe, expect, it } from 'vitest';
import { MockAgent } from './mock-agent.ts';
import type { Actor, PublicEvent } from '../../src/api.ts';

const CI: Actor = { via: 'http', name: 'ci', address: '192.0.2.7:4001', scopes: ['write'] };

async function audited(agent: MockAgent, ref?: string): Promise<readonly PublicEvent[]> {
  const found: PublicEvent[] = [];
  const types = ['CommandReceived', 'CommandRefused'];
  const of = ref === undefined ? {} : { ref };
  const query = { types, until: 'head', ...of } as const;
  for await (const event of agent.orchestrator.events(query)) found.push(event);
  return found;
}

interface Said {
  readonly command: string;
  readonly ref: string;
  readonly allocIds: readonly string[];
  readonly actor: Actor;
  readonly code?: string;
  readonly received?: number | null;
}
const said = (event: PublicEvent | undefined): Said => event?.data as Said;

describe('commands', () => {
  it('are in the log before anything that is done because of them', async () => {
    const agent = new MockAgent();
    await agent.open();
    const allocId = await agent.start('web');
    await agent.until('web', 'running');
    await agent.orchestrator.as(CI).signal('web', 'SIGHUP');
    await agent.orchestrator.as(CI).stop('web', { reason: 'enough' });
    const order = (await agent.events()).map(({ type }) => type);
    const places = ['CommandReceived', 'AllocReceived', 'TaskSignaled', 'AllocStopping'];
    const [run, received, signaled, stopping] = places.map((type) => order.indexOf(type));
    const commands = order.flatMap((type, index) => (type === 'CommandReceived' ? [index] : []));
    expect(commands).toHaveLength(3);
    expect(run).toBeLessThan(received ?? 0);
    expect(commands[1]).toBeLessThan(signaled ?? 0);
    expect(commands[2]).toBeLessThan(stopping ?? 0);
    expect((await audited(agent)).map((event) => said(event).allocIds)).toEqual([
      [allocId],
      [allocId],
      [allocId],
    ]);
    expect((await audited(agent))[2]?.data).toEqual({
      command: 'stop',
      actor: CI,
      ref: 'web',
      allocIds: [allocId],
      task: null,
      options: { reason: 'enough' },
    });
  });

  it('that are refused are recorded with who asked, and why not', async () => {
    const agent = new MockAgent();
    await agent.open();
    const acting = agent.orchestrator.as(CI);
    await expect(acting.stop('nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(acting.run({ name: 'web', tasks: [] })).rejects.toMatchObject({
      code: 'SPEC_INVALID',
    });
    acting.noteRefused({ command: 'exec', ref: 'web', error: new Error('at the door') });
    await agent.leave();
    await agent.open();
    const refused = (await audited(agent)).filter(({ type }) => type === 'CommandRefused');
    expect(refused.map((event) => said(event)).map(({ command, code }) => [command, code])).toEqual(
      [
        ['stop', 'NOT_FOUND'],
        ['run', 'SPEC_INVALID'],
        ['exec', 'INTERNAL'],
      ],
    );
    const positions = (await audited(agent)).map(({ position }) => position);
    expect(said(refused[0]).received).toBe(positions[0]);
    expect(said(refused[2]).received).toBeNull();
  });

  it('hold nothing that a spec or a caller may keep secret, and no more than so much', async () => {
    const agent = new MockAgent();
    await agent.open();
    const secret = 'hunter2';
    const acting = agent.orchestrator.as({
      via: 'http',
      name: 'x'.repeat(10_000),
      client: `\u001b[2J${'\ud800'.repeat(3)}`,
    });
    await acting.run({
      name: 'web',
      meta: { secret },
      tasks: [{ name: 'web', driver: 'mock', env: { PASSWORD: secret }, config: {} }],
    });
    await expect(acting.stop('y'.repeat(100_000))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const events = await audited(agent);
    expect(JSON.stringify(events)).not.toContain(secret);
    for (const { data } of events) expect(JSON.stringify(data).length).toBeLessThan(1_024);
    expect(said(events[0]).actor.client).toBe('\u0020[2J   ');
  });

  it('that only look are not recorded, nor is what hooks and closing do', async () => {
    const agent = new MockAgent();
    await agent.open();
    const acting = agent.orchestrator.as(CI);
    await acting.allocs();
    await acting.gc({ dryRun: true });
    await acting.health();
    await agent.leave();
    await agent.open();
    expect(await audited(agent)).toEqual([]);
  });

  it('of handles are those of whoever was given them', async () => {
    const agent = new MockAgent();
    await agent.open();
    await agent.start('web');
    await agent.until('web', 'running');
    const handle = await agent.orchestrator.as('scheduler').alloc('web');
    await handle.task('web').signal('SIGUSR1');
    const last = said((await audited(agent, 'web/web')).at(-1));
    expect(last).toMatchObject({ command: 'signal', actor: { via: 'library', name: 'scheduler' } });
  });
});

describe('the history of an alloc', () => {
  it('says who asked for what, between what became of it', async () => {
    const agent = new MockAgent();
    await agent.open();
    await agent.orchestrator
      .as(CI)
      .run({ name: 'web', tasks: [{ name: 'web', driver: 'mock', config: {} }] });
    await agent.until('web', 'running');
    await agent.orchestrator.as('bridge').stop('web');
    const history = await agent.orchestrator.history('web');
    const types = history.map(({ type }) => type);
    expect(types.slice(0, 2)).toEqual(['CommandReceived', 'AllocReceived']);
    expect(types.indexOf('AllocStopping')).toBe(types.lastIndexOf('CommandReceived') + 1);
    expect(history[0]).toMatchObject({
      from: null,
      to: null,
      text: 'token ci (192.0.2.7:4001) asked: run web',
    });
    expect(history.at(-1)?.to).not.toBeNull();
    expect(history.map(({ text }) => text)).toContain('program bridge asked: stop web');
  });

  it('leaves out what was asked of others, and keeps to a task', async () => {
    const agent = new MockAgent();
    await agent.open();
    await agent.start('web');
    await agent.start('db');
    await agent.until('db', 'running');
    await agent.orchestrator.signal('db/db', 'SIGHUP');
    const of = async (ref: string): Promise<string[]> =>
      (await audited(agent, ref)).map((event) => said(event).command);
    expect(await of('web')).toEqual(['run']);
    expect(await of('db')).toEqual(['run', 'signal']);
    expect(await of('db/db')).toEqual(['run', 'signal']);
    expect(await agent.types('db')).not.toContain('CommandReceived');
  });
});
