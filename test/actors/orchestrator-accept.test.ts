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

  it('with another spec under the same name are one alloc, which the second updates', async () => {
    const agent = new MockAgent();
    const orchestrator = await agent.open();
    const other = { ...twin, meta: { colour: 'red' } };
    const [left, right] = await Promise.all([orchestrator.run(twin), orchestrator.run(other)]);
    expect(left.allocId).toBe(right.allocId);
    expect(await orchestrator.allocs()).toMatchObject([{ version: 2 }]);
  });
});

describe('a call of run with a requestId', () => {
  const job: GroupSpecInput = { ...twin, type: 'batch' };

  it('is the same alloc when it is asked again, also after its end', async () => {
    const agent = new MockAgent();
    const orchestrator = await agent.open();
    const first = await orchestrator.run(job, { requestId: 'asked-1' });
    expect(first.allocId).toBe('asked-1');
    expect((await orchestrator.run(job, { requestId: 'asked-1' })).allocId).toBe('asked-1');
    await first.stop();
    expect((await orchestrator.run(job, { requestId: 'asked-1' })).allocId).toBe('asked-1');
    expect(await orchestrator.allocs({ all: true })).toHaveLength(1);
    const other = { ...job, meta: { colour: 'red' } };
    await expect(orchestrator.run(other, { requestId: 'asked-1' })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      message: 'asked-1 was accepted with another spec',
    });
  });

  it('is still the live alloc of that name where there is one', async () => {
    const orchestrator = await new MockAgent().open();
    const { allocId } = await orchestrator.run(twin);
    expect((await orchestrator.run(twin, { requestId: 'asked-2' })).allocId).toBe(allocId);
    expect((await orchestrator.run(twin, { allocId })).allocId).toBe(allocId);
  });
});

it('a call of run that was aborted before it began starts nothing', async () => {
  const agent = new MockAgent();
  const orchestrator = await agent.open();
  const signal = AbortSignal.abort();
  await expect(orchestrator.run(twin, { signal })).rejects.toMatchObject({ code: 'ABORTED' });
  expect(await orchestrator.allocs({ all: true })).toEqual([]);
});
