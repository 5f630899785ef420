/** Commands beside tasks up to the driver's door: what is recorded, and what is refused before anything is. */
import { expect, it, vi } from 'vitest';
import type { SessionWish } from '../../src/drivers/session.ts';
import { HoldfastError } from '../../src/errors.ts';
import { mockDriver } from '../../src/testing/index.ts';
import { MockAgent } from './mock-agent.ts';

/** An agent whose driver takes commands as `openSession` says. */
async function agentWith(openSession: (wish: SessionWish) => Promise<void>): Promise<MockAgent> {
  const agent = new MockAgent();
  const driver = mockDriver(agent.world);
  await agent.open({ drivers: [{ ...driver, openSession: (_run, wish) => openSession(wish) }] });
  await agent.start('web');
  await agent.until('web', 'running');
  return agent;
}

it('is CAPABILITY_MISSING where the driver runs none, and nothing is recorded', async () => {
  const agent = new MockAgent();
  await agent.open();
  await agent.start('web');
  await agent.until('web', 'running');
  const before = await agent.types('web');
  await expect(agent.orchestrator.exec('web', ['ls'])).rejects.toMatchObject({
    code: 'CAPABILITY_MISSING',
  });
  expect(await agent.types('web')).toEqual(before);
});

it('is WRONG_STATE beside a task that does not run, and nothing is recorded', async () => {
  const agent = await agentWith(() => Promise.resolve());
  await agent.orchestrator.stop('web');
  const before = await agent.types('web');
  await expect(agent.orchestrator.exec('web', ['ls'])).rejects.toMatchObject({
    code: 'WRONG_STATE',
  });
  expect(await agent.types('web')).toEqual(before);
});

it.each([
  [[], {}],
  [[''], {}],
  [['a\0b'], {}],
  [['a\ud800b'], {}],
  [['ls'], { env: { A: '\udc00' } }],
  [['ls'], { env: { 'A=B': 'c' } }],
  [['ls'], { terminal: { columns: -1, rows: 24 } }],
])('is USAGE for %j with %j', async (argv, options) => {
  const agent = await agentWith(() => Promise.resolve());
  await expect(agent.orchestrator.exec('web', argv, options)).rejects.toMatchObject({
    code: 'USAGE',
  });
});

it('is recorded before the driver hears of it, and closed when the driver refuses', async () => {
  let seen: readonly string[] = [];
  const agent: MockAgent = await agentWith(async (wish) => {
    seen = await agent.types('web');
    expect(wish).toMatchObject({ argv: ['ls', '--token=abc'], env: { A: 'b' }, cwd: 'x' });
    throw new HoldfastError('COMMAND_NOT_FOUND', 'no ls here');
  });
  const options = { env: { A: 'b' }, cwd: 'x', user: 'ann', actor: 'bob' };
  const refused = agent.orchestrator.exec('web', ['ls', '--token=abc'], options);
  await expect(refused).rejects.toMatchObject({ code: 'COMMAND_NOT_FOUND' });
  expect(seen.at(-1)).toBe('SessionOpened');
  const [opened, closed] = (await agent.events('web')).slice(-2);
  expect(opened?.data).toMatchObject({
    argv: ['ls', '--token=<redacted>'],
    user: 'ann',
    actor: 'bob',
    isTerminal: false,
  });
  expect(closed).toMatchObject({
    type: 'SessionClosed',
    data: { exitCode: null, signal: null, reason: 'not begun: no ls here' },
  });
});

it.each([
  ['TIMEOUT', {}, 'lost: nobody knows whether it began: the host is mute'],
  ['UNAVAILABLE', {}, 'lost: nobody knows whether it began: the host is mute'],
  ['UNAVAILABLE', { errno: 'EMFILE' }, 'not begun: the host is mute'],
] as const)(
  'is not said to be unbegun when nobody answered: %s %j',
  async (code, details, reason) => {
    const agent = await agentWith(() =>
      Promise.reject(new HoldfastError(code, 'the host is mute', { details })),
    );
    await expect(agent.orchestrator.exec('web', ['ls'])).rejects.toMatchObject({ code });
    await vi.waitFor(async () => {
      const last = (await agent.events('web')).at(-1);
      expect(last).toMatchObject({
        type: 'SessionClosed',
        data: { exitCode: null, signal: null, reason },
      });
    });
  },
);

it('is closed by an agent that finds it open and its host gone', async () => {
  const agent = await agentWith(() => Promise.resolve());
  // No host has it: the driver only said so.
  const lost = agent.orchestrator.exec('web', ['ls']);
  const session = await lost;
  expect(await session.exit).toEqual({
    exitCode: null,
    signal: null,
    reason: 'its host was lost',
  });
  for await (const _chunk of session.output) expect.unreachable();
});
