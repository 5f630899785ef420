/** How many allocs that have ended are kept, and what is left of the others. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually, MockAgent } from './mock-agent.ts';

const KEEP_TWO = { retention: { keepFinishedAllocs: 2 } };

/** Runs a batch alloc of one task to its end. */
async function complete(agent: MockAgent, name: string): Promise<string> {
  const allocId = await agent.start(name, {}, { type: 'batch' });
  await agent.until(name, 'running');
  agent.world.exit(name);
  await agent.until(name, 'complete');
  await (await agent.orchestrator.alloc(name)).wait();
  return allocId;
}

async function namesOf(agent: MockAgent): Promise<readonly string[]> {
  return (await agent.orchestrator.allocs({ all: true })).map(({ alloc }) => alloc);
}

it('only the newest of the allocs that have ended are kept, with those that are live', async () => {
  const agent = new MockAgent();
  await agent.open(KEEP_TWO);
  await agent.start('live');
  const first = await complete(agent, 'one');
  for (const name of ['two', 'three', 'four', 'five']) await complete(agent, name);
  await eventually(async () => expect(await namesOf(agent)).toEqual(['live', 'four', 'five']));
  const allocs = join((await agent.orchestrator.agent()).dataDir, 'allocs');
  await eventually(() => expect(readdirSync(allocs)).toHaveLength(3));
  expect(readdirSync(allocs)).not.toContain(first);
});

it('an id that was let go is refused for ever, a name is free again', async () => {
  const agent = new MockAgent();
  await agent.open(KEEP_TWO);
  const first = await complete(agent, 'one');
  for (const name of ['two', 'three', 'four']) await complete(agent, name);
  await eventually(async () => expect(await namesOf(agent)).not.toContain('one'));
  const again = { name: 'one', tasks: [{ name: 'one', driver: 'mock' }] };
  await expect(agent.orchestrator.run(again, { allocId: first })).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  await agent.reopen(KEEP_TWO);
  await expect(agent.orchestrator.run(again, { allocId: first })).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  await expect(agent.orchestrator.run(again)).resolves.toBeDefined();
});

it('the past of an alloc that was let go is compacted away, and that of the others is not', async () => {
  const agent = new MockAgent();
  const orchestrator = await agent.open(KEEP_TWO);
  await agent.start('live');
  const first = await complete(agent, 'one');
  const { position } = await orchestrator.inspect('one');
  for (const name of ['two', 'three', 'four']) await complete(agent, name);
  const past = { at: position };
  await eventually(async () => {
    const answer: unknown = await orchestrator
      .inspect(first, past)
      .catch((error: unknown) => error);
    expect(answer).toMatchObject({ code: 'POSITION_COMPACTED' });
  });
  expect(await orchestrator.inspect('live', past)).toMatchObject({ state: 'running' });
  await expect(orchestrator.inspect('one', { at: 1e9 })).rejects.toMatchObject({
    code: 'POSITION_AHEAD',
  });
  const { head } = await orchestrator.agent();
  await expect(orchestrator.inspect('one', { at: head })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
});

it('a subscriber that is behind what went is told where the log begins, and goes on from there', async () => {
  const agent = new MockAgent();
  const orchestrator = await agent.open(KEEP_TWO);
  for (const name of ['one', 'two', 'three', 'four']) await complete(agent, name);
  const refusal = await eventually(async () => {
    const behind = orchestrator.events({ after: 1, until: 'head' })[Symbol.asyncIterator]();
    const answer: unknown = await behind.next().catch((error: unknown) => error);
    expect(answer).toMatchObject({ code: 'POSITION_COMPACTED' });
    return answer;
  });
  const { oldest } = (refusal as { details: { oldest: number } }).details;
  const types: string[] = [];
  for await (const { type } of orchestrator.events({ after: oldest - 1, until: 'head' })) {
    types.push(type);
  }
  expect(types).toContain('StoreCompacted');
});

it('what an agent was killed over is finished by the next one', async () => {
  const agent = new MockAgent();
  await agent.open();
  for (const name of ['one', 'two', 'three', 'four']) await complete(agent, name);
  await agent.reopen(KEEP_TWO);
  await eventually(async () => expect(await namesOf(agent)).toEqual(['three', 'four']));
});
