/** What goes of allocs that have ended, by which rule, and what stays whatever the rules say. */
import { expect, it, vi } from 'vitest';
import { eventually, MockAgent } from './mock-agent.ts';

const disk = vi.hoisted(() => ({
  diskPercent: 10,
  inodePercent: 1,
  reliefPerAlloc: 0,
  stuckAlloc: '',
}));

vi.mock('../../src/actors/disk-usage.ts', () => ({
  async diskUsage() {
    return { diskPercent: disk.diskPercent, inodePercent: disk.inodePercent };
  },
}));
vi.mock('../../src/actors/alloc-files.ts', () => ({
  async removeAllocFiles(_layout: unknown, allocId: string): Promise<void> {
    if (allocId === disk.stuckAlloc) throw new Error('EBUSY: resource busy');
    disk.diskPercent -= disk.reliefPerAlloc;
  },
}));

const CALM = { diskPercent: 10, inodePercent: 1, reliefPerAlloc: 0, stuckAlloc: '' };
const BATCH = { type: 'batch' } as const;

async function agentOf(retention: object = {}): Promise<MockAgent> {
  Object.assign(disk, CALM);
  const agent = new MockAgent();
  await agent.open({ retention });
  return agent;
}

async function complete(agent: MockAgent, name: string): Promise<string> {
  const allocId = await agent.start(name, {}, BATCH);
  await agent.until(name, 'running');
  agent.world.exit(name);
  await (await agent.orchestrator.alloc(name)).wait();
  return allocId;
}
const namesOf = async (agent: MockAgent): Promise<readonly string[]> =>
  (await agent.orchestrator.allocs({ all: true })).map(({ alloc }) => alloc);

async function gone(agent: MockAgent, options: object = {}): Promise<readonly string[]> {
  const { entries } = await agent.orchestrator.gc(options);
  return entries.map(({ alloc, rule, outcome }) => `${alloc}: ${rule}, ${outcome}`);
}

it('those that ended too long ago go, however few they are', async () => {
  const agent = await agentOf({ keepFinishedForMs: 3_600_000 });
  await complete(agent, 'old');
  await agent.clock.advance('50m');
  await complete(agent, 'young');
  expect(await gone(agent)).toEqual([]);
  await agent.clock.advance('11m');
  expect(await gone(agent, { dryRun: true })).toEqual(['old: age, due']);
  expect(await gone(agent)).toEqual(['old: age, removed']);
  expect(await namesOf(agent)).toEqual(['young']);
});

it('while the disk is too full the oldest go, two at a time, until it is well below', async () => {
  const agent = await agentOf();
  for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) await complete(agent, name);
  await agent.clock.advance('10m');
  await complete(agent, 'new');
  Object.assign(disk, { diskPercent: 81, reliefPerAlloc: 3 });
  const all = ['one', 'two', 'three', 'four', 'five', 'six'].map((name) => `${name}: disk`);
  expect(await gone(agent, { dryRun: true })).toEqual(all.map((line) => `${line}, due`));
  // 78, 75: that is enough.
  expect(await gone(agent)).toEqual(['one: disk, removed', 'two: disk, removed']);
  expect(await namesOf(agent)).toEqual(['three', 'four', 'five', 'six', 'new']);
  Object.assign(disk, { diskPercent: 10, inodePercent: 71, reliefPerAlloc: 0 });
  expect((await gone(agent)).at(-1)).toBe('six: inodes, removed');
  expect(await namesOf(agent)).toEqual(['new']);
});

it('which rule took an alloc stays in the log when nothing else does', async () => {
  const agent = await agentOf();
  const allocId = await complete(agent, 'one');
  const seen: unknown[] = [];
  const following = new AbortController();
  const follow = (async () => {
    const query = { types: ['AllocRemoved'], after: 'now', signal: following.signal } as const;
    for await (const event of agent.orchestrator.events(query)) seen.push(event);
  })();
  expect(await gone(agent, { ref: 'one' })).toEqual(['one: wish, removed']);
  const [summary] = (await agent.events()).filter(({ type }) => type === 'StoreCompacted');
  const one = { allocId, alloc: 'one', status: 'complete', rule: 'wish' };
  expect(summary?.data).toMatchObject({ allocs: [one] });
  following.abort();
  await follow;
  expect(seen.length).toBeLessThanOrEqual(1);
});

it('what is live or held for inspection is never touched', async () => {
  const agent = await agentOf({ keepFinishedAllocs: 0, keepFinishedForMs: 0 });
  await agent.start('live');
  await agent.until('live', 'running');
  const restart = { attempts: 0, mode: 'hold' } as const;
  await agent.start('held', {}, {}, { restart });
  await agent.until('held', 'running');
  agent.world.exit('held', { exitCode: 3 });
  await agent.until('held', 'held');
  Object.assign(disk, { diskPercent: 99, inodePercent: 99 });
  await agent.clock.advance('1h');
  expect(await gone(agent, { all: true })).toEqual([]);
  expect(await gone(agent)).toEqual([]);
  for (const ref of ['live', 'held']) {
    await expect(agent.orchestrator.gc({ ref })).rejects.toMatchObject({ code: 'WRONG_STATE' });
  }
  await expect(agent.orchestrator.gc({ ref: 'live/live' })).rejects.toMatchObject({
    code: 'USAGE',
  });
  await expect(agent.orchestrator.gc({ ref: 'live', all: true })).rejects.toMatchObject({
    code: 'USAGE',
  });
  expect(await namesOf(agent)).toEqual(['live', 'held']);
});

it('files that cannot be removed are told once, and go with the next agent', async () => {
  const agent = await agentOf({ keepFinishedAllocs: 100 });
  const allocId = await complete(agent, 'one');
  await complete(agent, 'two');
  disk.stuckAlloc = allocId;
  const report = await agent.orchestrator.gc({ all: true });
  expect(report.entries).toMatchObject([
    { alloc: 'one', outcome: 'stuck', reason: 'EBUSY: resource busy' },
    { alloc: 'two', outcome: 'removed', reason: '' },
  ]);
  expect(await gone(agent, { dryRun: true, all: true })).toEqual(['one: wish, stuck']);
  expect(await gone(agent, { ref: allocId })).toEqual(['one: wish, stuck']);
  await agent.reopen();
  await agent.clock.advance('1h');
  const failures = (await agent.events()).filter(({ type }) => type === 'AllocRemovalFailed');
  expect(failures.map((event) => event.data)).toEqual([{ reason: 'EBUSY: resource busy' }]);
  disk.stuckAlloc = '';
  await agent.reopen();
  await eventually(async () => {
    const said = (await agent.events()).filter(({ type }) => type === 'StoreCompacted');
    expect(JSON.stringify(said.at(-1)?.data)).toContain(allocId);
  });
});
