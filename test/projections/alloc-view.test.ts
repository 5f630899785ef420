import { describe, expect, it } from 'vitest';
import type { AllocEvent } from '../../src/events/alloc-event.ts';
import { isAllocLive } from '../../src/machines/alloc-facts.ts';
import { allocTable } from '../../src/machines/alloc-machine.ts';
import { taskTable } from '../../src/machines/task-machine.ts';
import { allocView } from '../../src/projections/alloc-view.ts';
import type { TaskFold } from '../../src/projections/task-view.ts';
import { foldAll } from '../../src/testing/index.ts';
import { allocFact, allocSpec, historyTo, T, taskSpec } from '../machines/stories.ts';

const SPEC = allocSpec(taskSpec({ name: 'seed' }), taskSpec());
const received = allocFact('AllocReceived', {
  name: 'shop',
  spec: SPEC,
  specHash: 'h1',
  recovered: false,
});
const main = [received, allocFact('AllocGateOpened', { gate: 'main' })];
const stopping = [...main, allocFact('AllocStopping', { reason: 'enough', isWished: true })];

function viewOf(
  events: readonly AllocEvent[],
  ...[seed, web]: readonly (string | undefined)[]
): ReturnType<typeof allocView> {
  const tasks = new Map([
    ['seed', foldOf(seed, 11)],
    ['web', foldOf(web, 12)],
  ]);
  const folded = { position: 5, state: foldAll(allocTable, events) };
  return allocView('a1', folded, (task) => tasks.get(task));
}
function foldOf(value: string | undefined, position: number): TaskFold | undefined {
  if (value === undefined) return undefined;
  return { position, state: foldAll(taskTable, historyTo(value)) };
}

describe('the view of an alloc', () => {
  it('names what it is and lists its tasks in the order of the spec', () => {
    expect(viewOf(main, 'running')).toMatchObject({
      alloc: 'shop',
      allocId: 'a1',
      type: 'service',
      specHash: 'h1',
      createdAt: new Date(T).toISOString(),
      tasks: [
        { task: 'seed', state: 'running' },
        { task: 'web', state: 'pending' },
      ],
    });
  });

  it('stands at the newest event of the alloc and of its tasks', () => {
    expect(viewOf(main).position).toBe(5);
    expect(viewOf(main, 'running').position).toBe(11);
    expect(viewOf(main, 'running', 'running').position).toBe(12);
  });

  it('is running when one of its tasks is, and pending until then', () => {
    expect(viewOf([received]).state).toBe('pending');
    expect(viewOf(main, 'starting', 'prestart').state).toBe('pending');
    expect(viewOf(main, 'dead', 'running').state).toBe('running');
    expect(viewOf(main, 'dead', 'backoff').state).toBe('pending');
  });

  it('is stopping until every task has ended, and live so long', () => {
    expect(viewOf(stopping, 'running', 'dead')).toMatchObject({
      state: 'stopping',
      isLive: true,
      reason: 'enough',
    });
  });

  it.each(['complete', 'failed', 'stopped', 'lost'] as const)('ends as %s', (status) => {
    const over = [...stopping, allocFact('AllocStopped', { status, reason: 'why' })];
    expect(viewOf(over)).toMatchObject({ state: status, isLive: false, reason: 'why' });
  });

  it('is live from its acceptance to its end', () => {
    const over = [...allocTable.states.keys()].filter((value) => !isAllocLive(value));
    expect(over).toEqual(['pending', 'stopped', 'removed']);
  });

  it('is restarting until every task stands still, and live so long', () => {
    const restarting = [...main, allocFact('AllocRestarting', { reason: 'again' })];
    expect(viewOf(restarting, 'killing', 'dead')).toMatchObject({
      state: 'restarting',
      isLive: true,
      reason: 'again',
    });
    const restarted = [...restarting, allocFact('AllocRestarted', {})];
    expect(viewOf(restarted, 'dead', 'dead')).toMatchObject({ state: 'pending', reason: '' });
  });

  it('runs on behind poststop, and is stopping there only when something ended the others', () => {
    const poststop = allocFact('AllocPoststopOpened', {});
    expect(viewOf([...main, poststop], 'dead', 'prestart').state).toBe('running');
    expect(viewOf([...stopping, poststop], 'dead', 'running').state).toBe('stopping');
  });
});
