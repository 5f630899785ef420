/** Files of an alloc that cannot be removed are nobody else's trouble. */
import { beforeEach, expect, it, vi } from 'vitest';
import { eventually, MockAgent } from './mock-agent.ts';

const stuck = vi.hoisted(() => ({ allocId: '', tries: 0 }));

vi.mock('../../src/actors/alloc-files.ts', () => ({
  async removeAllocFiles(_layout: unknown, allocId: string): Promise<void> {
    if (allocId !== stuck.allocId) return;
    stuck.tries += 1;
    throw new Error(`ENAMETOOLONG: name too long, rm '${'x'.repeat(4000)}'`);
  },
}));

beforeEach(() => {
  stuck.allocId = '';
  stuck.tries = 0;
});

async function complete(agent: MockAgent, name: string): Promise<string> {
  const allocId = await agent.start(name, {}, { type: 'batch' });
  await agent.until(name, 'running');
  agent.world.exit(name);
  await agent.until(name, 'complete');
  await (await agent.orchestrator.alloc(name)).wait();
  return allocId;
}

it('the others are let go, it is tried again ever later, and each try logs one short line', async () => {
  const agent = new MockAgent();
  const lines: string[] = [];
  const warn = (facts: object): void => void lines.push(JSON.stringify(facts));
  const logger = { debug() {}, info() {}, error() {}, warn };
  const orchestrator = await agent.open({ retention: { keepFinishedAllocs: 1 }, logger });
  const first = await agent.start('one', {}, { type: 'batch' });
  stuck.allocId = first;
  await agent.until('one', 'running');
  agent.world.exit('one');
  for (const name of ['two', 'three', 'four']) await complete(agent, name);
  // Of those that are gone no event is left.
  const namesInLog = async () => new Set((await agent.events()).map(({ allocId }) => allocId));
  await eventually(async () => expect((await orchestrator.allocs({ all: true })).length).toBe(1));
  await eventually(async () => expect([...(await namesInLog())]).toHaveLength(3));
  expect(stuck.tries).toBe(1);
  await agent.clock.advance('61s');
  await eventually(() => expect(stuck.tries).toBe(2));
  await agent.clock.advance('61s');
  expect(stuck.tries).toBe(2);
  await agent.clock.advance('60s');
  await eventually(() => expect(stuck.tries).toBe(3));
  await eventually(() => expect(lines).toHaveLength(3));
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(500);
});
