import { describe, expect, it } from 'vitest';
import type { AllocEvent } from '../../src/events/alloc-event.ts';
import { allocTable } from '../../src/machines/alloc-machine.ts';
import { taskTable } from '../../src/machines/task-machine.ts';
import { allocView, isLive } from '../../src/projections/alloc-view.ts';
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

  it('is live in no state but three', () => {
    const live = [...allocTable.states.keys()].filter((value) => isLive(value));
    expect(live).toEqual(['prestart', 'main', 'stopping']);
  });
});
