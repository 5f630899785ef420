/** An agent that opens from snapshots knows and does what one that folds the whole log would. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import { layoutOf } from '../../src/layout.ts';
import { connect } from '../../src/log/sqlite.ts';
import { MockAgent } from './mock-agent.ts';

const ENDED = Array.from({ length: 90 }, (_, index) => `ended-${index}`);

/** More events than an agent leaves without snapshots, of tasks that have ended and of one that runs. */
async function busyAgent(): Promise<MockAgent> {
  const agent = new MockAgent();
  const orchestrator = await agent.open();
  await Promise.all(ENDED.map((name) => agent.start(name, {}, { type: 'batch' })));
  await Promise.all(ENDED.map((name) => agent.until(name, 'running')));
  for (const name of ENDED) agent.world.exit(name);
  await Promise.all(ENDED.map(async (name) => (await orchestrator.alloc(name)).wait()));
  await agent.start('live');
  await agent.until('live', 'running');
  return agent;
}

/** All allocs in their order, without where the newest event of those is that were just taken over. */
async function viewsOf(orchestrator: Orchestrator): Promise<unknown> {
  const views = await orchestrator.allocs({ all: true });
  return views.map((view) => {
    const text = JSON.stringify(view, (key, value: unknown) =>
      key === 'position' && view.isLive ? 'somewhere' : value,
    );
    return JSON.parse(text) as unknown;
  });
}

it('folds nothing, shows the same, and goes on with what runs; without snapshots too', async () => {
  const agent = await busyAgent();
  const before = await viewsOf(agent.orchestrator);
  const { head, dataDir } = await agent.orchestrator.agent();
  expect(head).toBeGreaterThan(1_000);

  const quick = await agent.reopen();
  expect(quick.recovery).toMatchObject({ events: 0, damage: null });
  expect(quick.recovery.tasks).toMatchObject([{ alloc: 'live', outcome: 'reattached' }]);
  expect(await viewsOf(quick)).toEqual(before);

  await agent.leave();
  const store = connect(join(layoutOf(dataDir).storeDir, 'log.db'));
  store.exec('DELETE FROM snapshots');
  store.close();
  const slow = await agent.open();
  expect(slow.recovery.events).toBeGreaterThan(1_000);
  expect(slow.recovery.damage).toBeNull();
  expect(await viewsOf(slow)).toEqual(before);
  await slow.stop('live');
  expect((await agent.types('live')).at(-1)).toBe('AllocStopped');
});
