/** What one task, hook, driver or subscriber does wrong is an event of its own, and no other task notices. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defineHook, type Hook } from '../../src/hooks/hook.ts';
import type { OrchestratorOptions } from '../../src/orchestrator.ts';
import { eventually, MockAgent } from './mock-agent.ts';

const HEALTHY = [
  'TaskReceived',
  'GateOpened',
  'HookCompleted',
  'HookCompleted',
  'HookCompleted',
  'PrestartCompleted',
  'RunStarting',
  'TaskStarted',
];

let agent: MockAgent;

/** An agent with one task that is fine. */
async function open(options: Partial<OrchestratorOptions> = {}): Promise<void> {
  agent = new MockAgent();
  await agent.open(options);
  await agent.start('fine');
  await agent.until('fine', 'running');
}
/** The fine task has lived a life in which nothing happened, and does what it is told. */
async function expectFine(): Promise<void> {
  const events = await agent.events('fine/fine');
  expect(events.map(({ type }) => type)).toEqual(HEALTHY);
  await agent.orchestrator.signal('fine', 'SIGHUP');
  await eventually(() => expect(agent.world.newest('fine').signals).toEqual(['SIGHUP']));
  expect(await agent.orchestrator.stop('fine')).toMatchObject({ state: 'stopped' });
}
async function factsOf(type: string, ref?: string): Promise<readonly unknown[]> {
  return (await agent.events(ref)).filter((event) => event.type === type).map(({ data }) => data);
}

describe('a hook of one task', () => {
  const only = (hook: Omit<Hook, 'name' | 'when'>): { hooks: readonly Hook[] } => ({
    hooks: [defineHook({ name: 'odd', when: (task) => task.name === 'odd', ...hook })],
  });

  it('that throws before the start fails that task', async () => {
    await open(only({ prestart: () => Promise.reject(new Error('no such secret')) }));
    await agent.start('odd');
    expect(await agent.until('odd', 'failed')).toMatchObject({
      reason: 'Error was unrecoverable: odd: no such secret',
    });
    expect(await factsOf('HookFailed')).toMatchObject([{ hook: 'odd', phase: 'prestart' }]);
    await expectFine();
  });

  it('that hangs before the start is given up, and the start tried again', async () => {
    await open(only({ timeLimitMs: 60_000, prestart: () => new Promise(() => undefined) }));
    await agent.start('odd');
    await agent.until('odd', 'prestart');
    await agent.clock.advance('1m');
    await agent.until('odd', 'backoff');
    expect(await factsOf('HookFailed')).toMatchObject([
      { hook: 'odd', isRecoverable: true, message: 'hook odd took longer than 60 s' },
    ]);
    await expectFine();
  });

  it('that throws or hangs beside the running program changes nothing about the program', async () => {
    const hang = (): Promise<void> => new Promise(() => undefined);
    const fail = (): Promise<void> => Promise.reject(new Error('broken'));
    await open(only({ start: hang, prekill: fail, exited: fail, cleanup: fail }));
    await agent.start('odd');
    await agent.until('odd', 'running');
    await agent.clock.advance('30s');
    expect((await agent.view('odd')).state).toBe('running');
    expect(await agent.orchestrator.stop('odd')).toMatchObject({ state: 'stopped' });
    const phases = (await factsOf('HookFailed')).map((data) => (data as { phase: string }).phase);
    expect(phases).toEqual(['start', 'prekill', 'exited', 'cleanup']);
    await expectFine();
  });
});

describe('the driver of one task', () => {
  beforeEach(() => open());
  afterEach(() => expectFine());

  it('that refuses a start for good fails that task', async () => {
    await agent.start('odd', { startError: { message: 'no such image' } });
    await agent.until('odd', 'failed');
    expect(await factsOf('TaskStartFailed')).toEqual([
      { code: 'START_FAILED', message: 'no such image', isRecoverable: false },
    ]);
  });

  it('that refuses a start for now is asked again after the delay', async () => {
    await agent.start('odd', { startError: { message: 'full', recoverable: true, times: 1 } });
    await agent.until('odd', 'backoff');
    await agent.clock.advance('20s');
    expect(await agent.until('odd', 'running')).toMatchObject({ run: 2, restarts: 1 });
  });

  it.each(['start', 'wait'] as const)('that has a bug in %s is told apart', async (throwIn) => {
    await agent.start('odd', { throwIn });
    await eventually(async () => expect(await factsOf('StreamQuarantined')).toHaveLength(1));
    const [quarantined] = await factsOf('StreamQuarantined');
    expect(quarantined).toMatchObject({
      message: expect.stringContaining(`the mock driver has a bug in ${throwIn}`),
    });
    expect(agent.world.runs('odd').length).toBeLessThanOrEqual(1);
    expect((await agent.view('odd')).state).toBe('unknown');
    expect(await agent.orchestrator.stop('odd')).toMatchObject({ state: 'stopped' });
  });

  it('that hangs in its start is stopped all the same', async () => {
    await agent.start('odd', { hangIn: 'start' });
    await agent.until('odd', 'starting');
    expect(await agent.orchestrator.stop('odd')).toMatchObject({ state: 'stopped' });
    expect(agent.world.newest('odd')).toMatchObject({ starts: 0, fate: 'abort' });
  });

  it('that cannot kill says so and tries until it can', async () => {
    await agent.start('odd', { stopStuck: 2 });
    await agent.until('odd', 'running');
    const stopped = agent.orchestrator.stop('odd');
    await agent.until('odd', 'killing');
    await agent.clock.advance('5s');
    await agent.until('odd', 'stuck');
    await agent.clock.advance('25s');
    expect(await stopped).toMatchObject({ state: 'stopped' });
    expect(await factsOf('TaskStuck')).toMatchObject([
      { message: expect.stringContaining('outlived SIGKILL') },
    ]);
  });

  it('that loses its program without a trace says so and starts another one', async () => {
    await agent.start('odd', { runFor: '5s', lost: 'it vanished' });
    await agent.until('odd', 'running');
    await agent.clock.advance('5s');
    await agent.until('odd', 'backoff');
    expect(await factsOf('TaskLost')).toEqual([{ reason: 'it vanished', maybeRan: true }]);
  });

  it('that cannot deliver a signal hurts nobody', async () => {
    await agent.start('odd', { signalError: 'no such door' });
    await agent.until('odd', 'running');
    await agent.orchestrator.signal('odd', 'SIGUSR1');
    await agent.clock.advance('1s');
    expect((await agent.view('odd')).state).toBe('running');
  });
});

describe('a subscriber', () => {
  it('that throws ends its own subscription and nobody else’s', async () => {
    await open();
    const seen: string[] = [];
    const good = agent.orchestrator.events$().subscribe(({ type }) => void seen.push(type));
    let calls = 0;
    agent.orchestrator.events$().subscribe(() => {
      calls += 1;
      throw new Error('a bug of the subscriber');
    });
    await eventually(async () => expect(await factsOf('SubscriberFailed')).toHaveLength(1));
    expect(await factsOf('SubscriberFailed')).toEqual([{ message: 'a bug of the subscriber' }]);
    await agent.start('other');
    await agent.until('other', 'running');
    await eventually(() => expect(seen.filter((type) => type === 'TaskStarted')).toHaveLength(2));
    expect(calls).toBe(1);
    good.unsubscribe();
    await expectFine();
  });
});
