/** An agent that went away and came back knows its tasks, at every point of their lives. */
import { describe, expect, it } from 'vitest';
import { MockAgent } from './mock-agent.ts';

const BATCH = { type: 'batch' } as const;

async function fresh(): Promise<MockAgent> {
  const agent = new MockAgent();
  await agent.open();
  return agent;
}
function count(types: readonly string[], type: string): number {
  return types.filter((one) => one === type).length;
}

describe('a task that runs while its agent is away', () => {
  it('is reattached: the same run, the same pid, started once', async () => {
    const agent = await fresh();
    const allocId = await agent.start('web');
    const before = await agent.until('web', 'running');
    const { recovery } = await agent.reopen();
    expect(recovery.tasks).toEqual([{ alloc: 'web', allocId, task: 'web', outcome: 'reattached' }]);
    expect(await agent.view('web')).toMatchObject({ state: 'running', pid: before.pid, run: 1 });
    const types = await agent.types('web');
    expect(types.slice(-2)).toEqual(['TaskStarted', 'TaskReattached']);
    expect(agent.world.runs().map((run) => run.starts)).toEqual([1]);
    const all = (await agent.events()).map(({ type }) => type);
    expect(all).not.toContain('HostStarted');
  });

  it('is reattached by every agent after that too', async () => {
    const agent = await fresh();
    await agent.start('web');
    await agent.until('web', 'running');
    for (let times = 0; times < 3; times += 1) await agent.reopen();
    expect(count(await agent.types('web'), 'TaskReattached')).toBe(3);
    agent.world.exit('web', { exitCode: 3 });
    expect(await agent.until('web', 'backoff')).toMatchObject({ exitCode: 3 });
  });

  it('is waited for as long as nobody can tell whether it lives', async () => {
    const agent = await fresh();
    await agent.start('web', { inspectUnknown: 3 });
    await agent.until('web', 'running');
    await agent.leave();
    await agent.openWhile('250ms');
    expect(agent.world.newest('web')).toMatchObject({ looks: 4, starts: 1, stops: 0 });
    expect((await agent.view('web')).state).toBe('running');
  });
});

describe('a task that ends while its agent is away', () => {
  it('has ended when and how it did, and is not started again', async () => {
    const agent = await fresh();
    await agent.start('work', {}, BATCH);
    await agent.until('work', 'running');
    await agent.leave();
    await agent.clock.advance('1h');
    agent.world.exit('work');
    const endedAt = new Date(agent.clock.now()).toISOString();
    await agent.clock.advance('1h');
    const { recovery } = await agent.open();
    expect(recovery.tasks).toMatchObject([{ outcome: 'finished-while-away' }]);
    expect(await agent.until('work', 'complete')).toMatchObject({ exitCode: 0, run: 1 });
    const exited = (await agent.events('work')).find(({ type }) => type === 'TaskExited');
    expect(exited?.data).toMatchObject({ exitedAt: Date.parse(endedAt) });
    expect(await agent.types('work')).not.toContain('TaskReattached');
  });

  it('is lost when nothing tells how: a batch task is not done twice', async () => {
    const agent = await fresh();
    await agent.start('work', {}, BATCH);
    await agent.until('work', 'running');
    await agent.leave();
    agent.world.lose('work');
    const { recovery } = await agent.open();
    expect(recovery.tasks).toMatchObject([{ outcome: 'lost' }]);
    expect(await agent.until('work', 'lost')).toMatchObject({ exitCode: null, failed: true });
    expect(agent.world.runs()).toHaveLength(1);
  });

  it('is lost when the machine was restarted: a service starts again', async () => {
    const agent = await fresh();
    await agent.start('web');
    await agent.until('web', 'running');
    await agent.leave();
    agent.world.reboot();
    await agent.open();
    await agent.until('web', 'backoff');
    expect(await agent.types('web')).toContain('TaskLost');
    await agent.clock.advance('20s');
    expect(await agent.until('web', 'running')).toMatchObject({ run: 2, restarts: 1 });
    expect(agent.world.living).toHaveLength(1);
  });
});

describe('a start that its agent did not see the end of', () => {
  it('is made once, under the key that was recorded', async () => {
    const agent = await fresh();
    await agent.start('web', { startDelay: '3s' });
    await agent.until('web', 'starting');
    const { launchKey } = agent.world.newest('web');
    await agent.leave();
    const { recovery } = await agent.openWhile('1s');
    expect(recovery.tasks).toMatchObject([{ outcome: 'reattached' }]);
    expect(agent.world.runs()).toMatchObject([{ launchKey, starts: 1 }]);
  });
});

describe('a pause before a restart', () => {
  it('ends at the time that was recorded, whoever waits for it', async () => {
    const agent = await fresh();
    await agent.start('web');
    await agent.until('web', 'running');
    agent.world.exit('web', { exitCode: 1 });
    const { nextStartAt } = await agent.until('web', 'backoff');
    await agent.leave();
    await agent.clock.advance('10s');
    const { recovery } = await agent.open();
    expect(recovery.tasks).toMatchObject([{ outcome: 'restarting' }]);
    expect(await agent.view('web')).toMatchObject({ state: 'backoff', nextStartAt });
    await agent.clock.advance(Date.parse(nextStartAt ?? '') - agent.clock.now() - 1);
    expect((await agent.view('web')).state).toBe('backoff');
    await agent.clock.advance(1);
    expect(await agent.until('web', 'running')).toMatchObject({ run: 2 });
  });

  it('that was over while the agent was away is not begun again', async () => {
    const agent = await fresh();
    await agent.start('web');
    await agent.until('web', 'running');
    agent.world.exit('web', { exitCode: 1 });
    await agent.until('web', 'backoff');
    await agent.leave();
    await agent.clock.advance('1h');
    await agent.open();
    expect(await agent.until('web', 'running')).toMatchObject({ run: 2 });
  });

  it('counts restarts that an earlier agent made', async () => {
    const agent = await fresh();
    await agent.start('web', {}, { restart: { attempts: 1, interval: '1h', delay: '1s' } });
    await agent.until('web', 'running');
    agent.world.exit('web', { exitCode: 1 });
    await agent.until('web', 'backoff');
    await agent.clock.advance('2s');
    await agent.until('web', 'running');
    await agent.reopen();
    agent.world.exit('web', { exitCode: 1 });
    expect(await agent.until('web', 'failed')).toMatchObject({
      reason: 'exit code 1: Exceeded allowed attempts 1 in interval 1h and mode is "fail"',
    });
  });
});

describe('a kill', () => {
  it('goes on where the agent before left it, to the same deadline', async () => {
    const agent = await fresh();
    await agent.start('web', { ignoresSignals: true }, {}, { killTimeout: '20s' });
    await agent.until('web', 'running');
    const stopped = agent.orchestrator.stop('web').catch(() => undefined);
    await agent.until('web', 'killing');
    await agent.clock.advance('15s');
    await agent.leave();
    await stopped;
    expect(agent.world.living).toHaveLength(1);
    await agent.openWhile('1s');
    expect(await agent.until('web', 'stopped')).toMatchObject({ signal: 'SIGKILL', run: 1 });
    const killing = (await agent.events('web')).filter(({ type }) => type === 'TaskKilling');
    expect(killing).toHaveLength(1);
    const exited = (await agent.events('web')).find(({ type }) => type === 'TaskExited');
    expect(killing[0]?.data).toMatchObject({
      deadline: (exited?.data as { exitedAt: number } | undefined)?.exitedAt,
    });
  });
});

describe('an alloc that has ended', () => {
  it('is known to the next agent and left in peace', async () => {
    const agent = await fresh();
    const allocId = await agent.start('work', { runFor: '5s' }, BATCH);
    await agent.until('work', 'running');
    await agent.clock.advance('5s');
    await agent.until('work', 'complete');
    await (await agent.orchestrator.alloc('work')).wait();
    const { recovery } = await agent.reopen();
    expect(recovery.tasks).toEqual([]);
    expect(await agent.orchestrator.allocs()).toEqual([]);
    expect(await agent.orchestrator.allocs({ all: true })).toMatchObject([
      { allocId, state: 'complete' },
    ]);
    await expect(
      agent.orchestrator.run(
        { name: 'work', tasks: [{ name: 'work', driver: 'mock' }] },
        { allocId },
      ),
    ).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  });
});
