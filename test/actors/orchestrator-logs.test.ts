import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { LogChunk, Orchestrator, PublicEvent } from '../../src/api.ts';
import { formatPurge, purgesPath } from '../../src/output/purges.ts';
import { MockAgent } from './mock-agent.ts';

/** An agent with two tasks, of which the first has written a line. */
async function written(): Promise<{ agent: MockAgent; orchestrator: Orchestrator; web: string }> {
  const agent = new MockAgent();
  const orchestrator = await agent.open();
  const web = await agent.start('web');
  await agent.start('api');
  const { dataDir } = await orchestrator.agent();
  const logs = join(dataDir, 'state', 'logs', web);
  mkdirSync(logs, { recursive: true });
  writeFileSync(join(logs, 'web.stdout.0'), 'hello\n');
  return { agent, orchestrator, web };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

it('a cursor is of one task: another one refuses it, and an older one without a name is taken', async () => {
  const { orchestrator } = await written();
  const [chunk] = (await all(orchestrator.logs('web'))) as [LogChunk];
  expect(await all(orchestrator.logs('web', { after: chunk.cursor }))).toEqual([]);
  const old = chunk.cursor.replace(/^.*@/, '');
  expect(await all(orchestrator.logs('web', { after: old }))).toEqual([]);
  const foreign = all(orchestrator.logs('api', { after: chunk.cursor }));
  await expect(foreign).rejects.toMatchObject({
    code: 'POSITION_AHEAD',
    message: expect.stringContaining('of another task'),
  });
  const ahead = all(orchestrator.logs('web', { after: 'stdout:0:99' }));
  await expect(ahead).rejects.toMatchObject({ details: { head: 'stdout:0:6' } });
});

it.each([{ tail: 1.5 }, { run: 0 }, { stream: 'stdin' }, { origin: 'x' }, { until: Number.NaN }])(
  'a query that makes no sense is refused: %j',
  async (query) => {
    const { orchestrator } = await written();
    const asking = all(orchestrator.logs('web', query as object));
    await expect(asking).rejects.toMatchObject({ code: 'USAGE' });
  },
);

it('what the budget took from an alloc is among its events', async () => {
  const { agent, orchestrator, web } = await written();
  const { dataDir } = await orchestrator.agent();
  const purge = { allocId: web, task: 'web', stream: 'stdout', segments: [0], bytes: 6 } as const;
  writeFileSync(purgesPath(join(dataDir, 'state')), formatPurge(purge));
  const next = await agent.reopen();
  const purged = async (ref: string): Promise<PublicEvent[]> => {
    const events = await all(next.events({ ref, until: 'head' }));
    return events.filter(({ type }) => type === 'LogPurged');
  };
  await expect.poll(() => purged('web')).toMatchObject([{ data: purge }]);
  expect(await purged('web/web')).toHaveLength(1);
  expect(await purged('api')).toEqual([]);
});
