import { afterEach, describe, expect, it } from 'vitest';
import { countingGroup, faultInCount, LoyalSubscriber, Machine, pidsOf, until } from './rig.ts';

const KILLS = Number(process.env['HOLDFAST_KILLS'] ?? 20);
const TASKS = 20;

describe('an agent that is killed again and again', () => {
  let machine: Machine;
  afterEach(() => machine.scrap());

  it('finds every task as it was, loses no line and no event', { timeout: 240_000 }, async () => {
    machine = new Machine();
    let agent = await machine.startAgent();
    const subscriber = new LoyalSubscriber(machine);
    const alloc = await agent.run(countingGroup('count', TASKS));
    const pids = await until('every task runs', () => pidsOf(agent, alloc.allocId));
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await machine.killAgent();
      agent = await machine.startAgent();
      const found = await agent.inspect(alloc.allocId);
      expect(found.tasks.map(({ pid }) => pid)).toEqual(pids);
      expect(agent.recovery.tasks.map(({ outcome }) => outcome)).toEqual(
        Array.from({ length: TASKS }, () => 'reattached'),
      );
    }
    await agent.stop(alloc.allocId);
    const { head } = await agent.agent();
    await subscriber.leaveAt(head);
    expect(subscriber.connections).toBeGreaterThan(1);
    expect(subscriber.positions).toEqual(Array.from({ length: head }, (_one, index) => index + 1));
    const reattached = subscriber.events.filter(({ type }) => type === 'TaskReattached');
    expect(reattached).toHaveLength(KILLS * TASKS);
    expect(subscriber.events.filter(({ type }) => type === 'TaskStarted')).toHaveLength(TASKS);
    for (let task = 0; task < TASKS; task += 1) {
      expect(faultInCount(machine.outputOf(alloc.allocId, `t${task}`))).toBeUndefined();
    }
  });
});
