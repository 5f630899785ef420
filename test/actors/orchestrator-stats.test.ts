/** What tasks use, as the orchestrator tells it: over restarts, over tasks that come and go, to readers of any speed. */
import { expect, it } from 'vitest';
import type { TaskStats } from '../../src/api.ts';
import type { MockConfig } from '../../src/testing/index.ts';
import { eventually, MockAgent } from './mock-agent.ts';

const group = (name: string, config: MockConfig = {}) => ({
  name,
  tasks: [{ name: 'one', driver: 'mock', config: config as Record<string, unknown> }],
});

async function next(samples: AsyncIterator<TaskStats>): Promise<TaskStats> {
  const { value } = await samples.next();
  return value as TaskStats;
}

const iterate = (samples: AsyncIterable<TaskStats>): AsyncIterator<TaskStats> =>
  samples[Symbol.asyncIterator]();

/** An agent with a running alloc of one task. */
async function running(config?: MockConfig) {
  const agent = new MockAgent();
  const orchestrator = await agent.open();
  const alloc = await orchestrator.run(group('web', config));
  await eventually(async () => expect((await alloc.view()).tasks[0]?.state).toBe('running'));
  return { agent, orchestrator, alloc };
}

it('gives a share of 0 at first, then that of the time between two samples', async () => {
  const { agent, orchestrator } = await running();
  const samples = iterate(orchestrator.stats('web', { intervalMs: 2_000, processes: true }));
  expect(await next(samples)).toMatchObject({ task: 'one', run: 1, cpu: { percent: 0 } });
  agent.world.newest('one').usedNs = 3e9;
  const second = next(samples);
  await agent.clock.advance('2s');
  expect(await second).toMatchObject({
    cpu: { totalNs: 3e9, percent: 150 },
    processes: [{ command: 'one', percent: 150 }],
    memory: { rssBytes: 4_096 },
    pids: 1,
  });
  await samples.return?.();
});

it('goes on with the next run, whose counts begin anew, and ends when the task is over', async () => {
  const { agent, orchestrator, alloc } = await running();
  const samples = iterate(orchestrator.stats('web/one'));
  agent.world.newest('one').usedNs = 5e9;
  expect(await next(samples)).toMatchObject({ run: 1 });
  await orchestrator.restart('web/one');
  const seen = next(samples);
  await eventually(async () => {
    await agent.clock.advance('1s');
    expect((await alloc.view()).tasks[0]).toMatchObject({ state: 'running', run: 2 });
  });
  expect(await seen).toMatchObject({ run: 2, cpu: { percent: 0 } });
  const stopped = orchestrator.stop('web');
  const rest: number[] = [];
  for (;;) {
    const { done, value } = await samples.next();
    if (done === true) break;
    rest.push(value.run);
  }
  expect(new Set(rest).size).toBeLessThanOrEqual(1);
  expect((await stopped).isLive).toBe(false);
});

it('of what has ended is refused with a reason', async () => {
  const { orchestrator } = await running();
  await orchestrator.stop('web');
  for (const ref of ['web', 'web/one']) {
    await expect(next(iterate(orchestrator.stats(ref)))).rejects.toMatchObject({
      code: 'WRONG_STATE',
      message: `${ref} has ended: there is nothing to measure`,
    });
  }
});

it('without a name tells of allocs that come later too, and ends when the reader leaves', async () => {
  const { orchestrator } = await running();
  const left = new AbortController();
  const samples = iterate(orchestrator.stats(undefined, { signal: left.signal }));
  expect(await next(samples)).toMatchObject({ alloc: 'web' });
  await orchestrator.run(group('later'));
  expect(await next(samples)).toMatchObject({ alloc: 'later' });
  left.abort();
  expect(await samples.next()).toEqual({ done: true, value: undefined });
});

it('ends with the orchestrator', async () => {
  const { orchestrator } = await running();
  const samples = iterate(orchestrator.stats());
  await next(samples);
  const waiting = samples.next();
  await orchestrator.close({ tasks: 'leave' });
  expect(await waiting).toEqual({ done: true, value: undefined });
});

it.each([0, 99, 1.5, Number.NaN])('refuses an interval of %d ms', async (intervalMs) => {
  const { orchestrator } = await running();
  await expect(next(iterate(orchestrator.stats('web', { intervalMs })))).rejects.toMatchObject({
    code: 'USAGE',
  });
});
