/** Random messages in random reachable states: nothing unlawful, nothing thrown, nothing said twice. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { encode } from '../../src/events/codec.ts';
import type { TaskEvent } from '../../src/events/task-event.ts';
import { evolve, isLawful } from '../../src/machines/chart-table.ts';
import { isRejection } from '../../src/machines/decision.ts';
import { decideTask } from '../../src/machines/task-decider.ts';
import { taskTable } from '../../src/machines/task-machine.ts';
import type { TaskMessage } from '../../src/machines/task-messages.ts';
import type { TaskState } from '../../src/machines/task-state.ts';
import { fixedTools } from '../../src/testing/index.ts';
import { faultsOfMakers } from './random-facts.ts';
import { everyMessage, policy, T, taskSpec } from './stories.ts';
import { tries } from '../properties/tries.ts';

vi.setConfig({ testTimeout: 60_000 });

interface Step {
  readonly message: TaskMessage;
  readonly state: TaskState;
  readonly events: readonly TaskEvent[];
}

/** Which of every message, about a run before, of, or after the newest one, and how much later it comes. */
const turn = fc.record({
  which: fc.nat(everyMessage().length - 1),
  runOffset: fc.constantFrom(0, 0, 0, 0, -1, 1),
  laterMs: fc.nat(40_000),
  chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
});

const plan = fc.record({
  attempts: fc.constantFrom(0, 1, 3, 1_000),
  mode: fc.constantFrom('fail' as const, 'delay' as const, 'hold' as const),
  onLost: fc.constantFrom('restart' as const, 'fail' as const),
  restartOnSuccess: fc.boolean(),
});

const lives = fc.tuple(plan, fc.array(turn, { minLength: 1, maxLength: 80 }));

type Life = typeof lives extends fc.Arbitrary<infer L> ? L : never;

/** Lives a life and gives each of its steps; a rejection gives no events. */
function live([{ restartOnSuccess, ...changes }, turns]: Life): readonly Step[] {
  const task = taskSpec({ restartOnSuccess, restart: policy(changes) });
  let state: TaskState = taskTable.initial;
  let now = T;
  return turns.map(({ which, runOffset, laterMs, chance }) => {
    now += laterMs;
    const found = everyMessage(state.context.run + runOffset)[which] as TaskMessage;
    const message = found.type === 'ReceiveTask' ? { ...found, task } : found;
    const decision = decideTask(message, state, fixedTools({ now, chance }));
    const events = isRejection(decision) ? [] : decision;
    const step = { message, state, events };
    for (const event of events) {
      if (!isLawful(taskTable, state, event.type)) {
        throw new Error(`${message.type} gives ${event.type} in state ${state.value}`);
      }
      encode('task/a1/web', event);
      state = evolve(taskTable, state, event);
    }
    return step;
  });
}

describe('whatever is mailed to a task', () => {
  it('gives only events that are lawful and fit their shape, and never throws', () => {
    fc.assert(
      fc.property(lives, (life) => void live(life)),
      tries(500),
    );
  });

  it('starts each run once and ends it at most once', () => {
    fc.assert(
      fc.property(lives, (life) => {
        const events = live(life).flatMap((step) => step.events);
        const keys = (isWanted: (event: TaskEvent) => boolean): readonly number[] =>
          events.filter(isWanted).map((event) => event.run);
        const starts = keys(({ type }) => type === 'TaskStarted');
        const over = keys(({ type }) => type === 'TaskExited' || type === 'TaskLost');
        const begun = keys(({ type }) => type === 'RunStarting' || type === 'TaskRecovered');
        for (const runs of [starts, over, begun]) expect(runs).toEqual([...new Set(runs)]);
        expect(begun).toEqual(begun.toSorted((one, other) => one - other));
      }),
      tries(200),
    );
  });

  it('is decided the same way from the same state', () => {
    fc.assert(
      fc.property(lives, (life) => {
        expect(live(life)).toEqual(live(life));
      }),
      tries(30),
    );
  });

  it('gives nothing when it is about a run that is over', () => {
    fc.assert(
      fc.property(lives, (life) => {
        for (const { message, state, events } of live(life)) {
          if (!('run' in message) || message.type === 'RunFound') continue;
          if (message.run < state.context.run) expect(events).toEqual([]);
          const { end } = state.context;
          if (end !== undefined && message.run === state.context.run) expect(events).toEqual([]);
        }
      }),
      tries(200),
    );
  });

  it('reaches every state of the chart', () => {
    const reached = new Set<string>();
    for (const life of fc.sample(lives, { numRuns: 1_000, seed: 7 })) {
      for (const { state } of live(life)) reached.add(state.value);
    }
    expect([...taskTable.states.keys()].filter((value) => !reached.has(value))).toEqual([]);
  });

  it('is tested with data of the stored shapes', () => {
    expect(faultsOfMakers()).toEqual([]);
  });
});
