/** What a chart may hold, and what its table knows of it. */
import { assign, setup, type AnyStateMachine } from 'xstate';
import { describe, expect, it } from 'vitest';
import type { AnyEvent } from '../../src/events/envelope.ts';
import { allocMachine, allocTable } from '../../src/machines/alloc-machine.ts';
import {
  compileChart,
  dutyOf,
  edgesOf,
  entersState,
  evolve,
  evolveInPlace,
  isLawful,
  oneShotsOf,
  ownState,
  type EdgeName,
} from '../../src/machines/chart-table.ts';
import { taskMachine, taskTable } from '../../src/machines/task-machine.ts';

function edgeText({ from, event }: EdgeName): string {
  return `${from} ${event}`;
}
function edgesOfMachine(machine: AnyStateMachine): readonly string[] {
  return Object.values(machine.root.states).flatMap((node) =>
    [...node.transitions.keys()].map((event) => `${node.key} ${event}`),
  );
}

describe('the table of a chart', () => {
  it('has every edge of the machine it was read from', () => {
    expect(edgesOf(taskTable).map(edgeText)).toEqual(edgesOfMachine(taskMachine));
    expect(edgesOf(allocTable).map(edgeText)).toEqual(edgesOfMachine(allocMachine));
  });

  it('refuses an event that the state does not know', () => {
    const event = { type: 'TaskExited', run: 1, at: 1, data: {} };
    expect(isLawful(taskTable, taskTable.initial, event.type)).toBe(false);
    expect(() => evolve(taskTable, taskTable.initial, event)).toThrow(
      expect.objectContaining({ code: 'INTERNAL', message: expect.stringContaining('TaskExited') }),
    );
  });

  it('knows duties and one-shots, and which edges are entries', () => {
    expect(dutyOf(taskTable, 'running')).toBe('watch');
    expect(dutyOf(taskTable, 'pending')).toBeUndefined();
    expect(oneShotsOf(taskTable, 'running', 'TaskSignaled')).toEqual(['sendSignal']);
    expect(entersState(taskTable, 'running', 'TaskSignaled')).toBe(false);
    expect(entersState(taskTable, 'running', 'TaskExited')).toBe(true);
  });

  it('evolves a state in its place, and decodes only what is read', () => {
    const decoded: string[] = [];
    const decode = (row: { readonly type: string }): AnyEvent => {
      decoded.push(row.type);
      return { ...row, run: 1, at: 1, data: { exitCode: 1, signal: null, exitedAt: 9 } };
    };
    const state = ownState({ ...taskTable.initial, value: 'running' });
    const evolving = (type: string) => () => evolveInPlace(taskTable, state, { type }, decode);
    evolving('HookMessage')();
    evolving('TaskExited')();
    expect(state).toMatchObject({ value: 'exited', context: { finishedAt: 9 } });
    expect(evolving('NoSuchEvent')).toThrow('NoSuchEvent is not lawful in state exited');
    expect(decoded).toEqual(['TaskExited', 'NoSuchEvent']);
    expect(taskTable.initial.context).not.toHaveProperty('finishedAt');
  });

  it('cannot be run by mistake: the first duty of a machine that is run throws', () => {
    const launch = taskMachine.implementations.actions['launch'] as unknown as () => void;
    expect(launch).toThrow('never run with createActor()');
  });
});

describe('a chart may not hold', () => {
  const chart = setup({
    actions: { keep: assign({}), work: () => undefined, more: () => undefined },
    guards: { isFine: () => true },
    actors: {},
  });
  const compiled =
    (config: object): (() => unknown) =>
    () =>
      compileChart(chart.createMachine({ initial: 'a', ...config }) as AnyStateMachine);

  it('a guard', () => {
    const on = { Go: { target: 'b', guard: 'isFine' } };
    expect(compiled({ states: { a: { on }, b: {} } })).toThrow('guarded edge');
  });

  it('an edge with alternatives', () => {
    const on = { Go: [{ target: 'b' }, { target: 'a' }] };
    expect(compiled({ states: { a: { on }, b: {} } })).toThrow('alternatives');
  });

  it('an invoke', () => {
    const invoke = { src: 'child' };
    expect(compiled({ states: { a: { invoke } } })).toThrow('exit or invoke');
  });

  it('an exit action', () => {
    expect(compiled({ states: { a: { exit: 'work' } } })).toThrow('exit or invoke');
  });

  it('more than one duty in a state', () => {
    expect(compiled({ states: { a: { entry: ['work', 'more'] } } })).toThrow('more than one duty');
  });

  it('a function where a name belongs', () => {
    expect(compiled({ states: { a: { entry: () => undefined } } })).toThrow('names only');
    const on = { Go: { actions: () => undefined } };
    expect(compiled({ states: { a: { on } } })).toThrow('names only');
  });

  it('no first state', () => {
    expect(() => compileChart(chart.createMachine({}) as AnyStateMachine)).toThrow('first state');
  });
});
