/** What is accepted, and what is refused without a trace. */
import { describe, expect, it } from 'vitest';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { MockAgent } from './mock-agent.ts';

const twin: GroupSpecInput = { name: 'twin', tasks: [{ name: 'one', driver: 'mock' }] };

describe('two calls of run at once', () => {
  it('with the same spec are one alloc, accepted before either is answered', async () => {
    const agent = new MockAgent();
    const orchestrator = await agent.open();
    const [left, right] = await Promise.all([orchestrator.run(twin), orchestrator.run(twin)]);
    expect(left.allocId).toBe(right.allocId);
    expect(await orchestrator.allocs()).toHaveLength(1);
  });

  it('with another spec under the same name refuse the second', async () => {
    const agent = new MockAgent();
    const orchestrator = await agent.open();
    const other = { ...twin, meta: { colour: 'red' } };
    const both = Promise.allSettled([orchestrator.run(twin), orchestrator.run(other)]);
    expect((await both).map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await orchestrator.allocs()).toHaveLength(1);
  });
});

it('a call of run that was aborted before it began starts nothing', async () => {
  const agent = new MockAgent();
  const orchestrator = await agent.open();
  const signal = AbortSignal.abort();
  await expect(orchestrator.run(twin, { signal })).rejects.toMatchObject({ code: 'ABORTED' });
  expect(await orchestrator.allocs({ all: true })).toEqual([]);
});
