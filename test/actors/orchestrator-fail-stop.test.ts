/** A log that can be written no more ends the agent, and nothing else. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSqliteEventLog } from '../../src/log/sqlite-event-log.ts';
import { MockAgent } from './mock-agent.ts';

/** What an agent that took over does to the log of the one before. */
async function takeOver(dataDir: string): Promise<void> {
  const log = openSqliteEventLog({ path: join(dataDir, 'state', 'store', 'log.db') });
  log.setMeta('agentEpoch', '99');
  await log.close();
}

it('an agent whose log fails stops for good, answers why, and leaves its tasks alone', async () => {
  const agent = new MockAgent();
  const orchestrator = await agent.open();
  await agent.start('web');
  await agent.until('web', 'running');
  const { dataDir } = await orchestrator.agent();
  const waiting = (await orchestrator.alloc('web')).wait();
  const following = (async () => {
    for await (const event of orchestrator.events({ after: 'now' })) void event;
  })();
  await takeOver(dataDir);
  const stale = { code: 'EPOCH_STALE' };
  await expect(orchestrator.signal('web', 'SIGHUP')).rejects.toMatchObject(stale);
  expect(await orchestrator.ended).toMatchObject(stale);
  await expect(waiting).rejects.toMatchObject(stale);
  await expect(following).rejects.toMatchObject(stale);
  await expect(orchestrator.run({ name: 'x', tasks: [] })).rejects.toMatchObject(stale);
  expect(agent.world.living).toHaveLength(1);
  await orchestrator.close();
  await agent.open();
  expect(await agent.until('web', 'running')).toMatchObject({ run: 1 });
});

it('an agent that is closed has ended without an error', async () => {
  const agent = new MockAgent();
  const orchestrator = await agent.open();
  await agent.leave();
  expect(await orchestrator.ended).toBeUndefined();
});
