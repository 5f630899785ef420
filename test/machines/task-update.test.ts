/** What a task makes of an update of its alloc: once, and as much of it as its state asks for. */
import { describe, expect, it } from 'vitest';
import { given, taskSubject } from '../../src/testing/index.ts';
import type { TaskEvent } from '../../src/events/task-event.ts';
import type { TaskMessage } from '../../src/machines/task-messages.ts';
import { fact, FAULT, historyTo, killing, policy, T, taskSpec, UPDATED } from './stories.ts';

const task = taskSubject();
const NEW = taskSpec({ killTimeoutMs: 9_000, restart: policy({ attempts: 7 }) });

const update = (restartVersion: number, version = 2): TaskMessage => ({
  type: 'UpdateTask',
  task: NEW,
  hooks: ['validate', 'new'],
  version,
  restartVersion,
});
const updated = (isRestarted: boolean): TaskEvent =>
  ({ ...UPDATED, data: { ...UPDATED.data, isRestarted } }) as TaskEvent;

describe('an update in place', () => {
  it.each(['pending', 'prestart', 'starting', 'running', 'killing', 'exited', 'backoff', 'held'])(
    'is noted in state %s, and nothing else happens',
    (value) => {
      const state = given(task, historyTo(value))
        .when(update(0))
        .thenGives({ type: 'TaskUpdated', data: { isRestarted: false } });
      expect(state.value).toBe(value);
      expect(state.context).toMatchObject({
        plan: { specVersion: 2, killTimeoutMs: 9_000, hooks: ['validate', 'new'] },
        isUpdating: true,
      });
    },
  );

  it('forgets what the task has no more', () => {
    const received = historyTo('running').map((event) =>
      event.type === 'TaskReceived'
        ? fact('TaskReceived', { ...event.data, shutdownDelayMs: 9 }, 0)
        : event,
    );
    const { context } = given(task, received).when(update(0)).thenGives({ type: 'TaskUpdated' });
    expect(context.plan?.shutdownDelayMs).toBeUndefined();
  });

  it('keeps hooks that are done and restarts that were counted', () => {
    const { context } = given(task, historyTo('backoff'))
      .when(update(0))
      .thenGives({ type: 'TaskUpdated' });
    const before = given(task, historyTo('backoff')).when(update(0, 1)).thenGives().context;
    expect([context.hooks, context.restarts]).toEqual([before.hooks, before.restarts]);
  });
});

describe('an update that asks for another start', () => {
  it.each(['prestart', 'starting', 'running', 'backoff'])(
    'ends what was begun in state %s in the same step',
    (value) => {
      const { context } = given(task, historyTo(value))
        .when(update(2))
        .thenGives(
          { type: 'TaskUpdated', data: { isRestarted: true } },
          {
            type: 'TaskKilling',
            data: {
              then: 'restart',
              reason: 'alloc is being updated due to job update',
              deadline: T + 9_000,
            },
          },
        );
      expect(context.kill?.isCounted).toBeUndefined();
      expect(Object.values(context.hooks).some(({ isDone }) => isDone)).toBe(false);
    },
  );

  it.each(['pending', 'exited', 'cleanup', 'dead', 'killing'])(
    'is only noted in state %s: nothing was begun, or its end is under way',
    (value) => {
      given(task, historyTo(value))
        .when(update(2))
        .thenGives({ type: 'TaskUpdated', data: { isRestarted: true } });
    },
  );

  it('lets a task go on that was held', () => {
    given(task, historyTo('held'))
      .when(update(2))
      .thenGives({ type: 'TaskUpdated' }, { type: 'TaskResumed' });
  });

  it('counts restarts anew', () => {
    const { context } = given(task, historyTo('backoff'))
      .when(update(2))
      .thenGives({ type: 'TaskUpdated' }, { type: 'TaskKilling' });
    expect(context.restarts).toMatchObject({ count: 0, intervalStart: 0 });
  });
});

describe('an update that is told again', () => {
  it('changes nothing, and restarts nothing twice', () => {
    const events = [...historyTo('running'), updated(true)];
    given(task, events).when(update(2)).thenNothing();
    given(task, events).when(update(2, 1)).thenNothing();
    given(task, [...events, killing('restart')])
      .when(update(2))
      .thenNothing();
  });

  it('restarts for a version that it has not heard of, however many came between', () => {
    given(task, [...historyTo('running'), updated(false)])
      .when(update(4, 5))
      .thenGives({ type: 'TaskUpdated', data: { isRestarted: true } }, { type: 'TaskKilling' });
    given(task, [...historyTo('running'), updated(true)])
      .when(update(2, 5))
      .thenGives({ type: 'TaskUpdated', data: { isRestarted: false } });
  });

  it('means nothing to a task that began with it', () => {
    const [received] = historyTo('pending');
    const own = { ...received, data: { ...received?.data, specVersion: 3 } } as TaskEvent;
    given(task, [own]).when(update(3, 3)).thenNothing();
    given(task, []).when(update(3, 3)).thenNothing();
  });
});

describe('the hooks of a program that runs on', () => {
  const finished: TaskMessage = { type: 'UpdateFinished', specVersion: 2, faults: [FAULT] };

  it('have seen to an update when that is recorded, faults before', () => {
    const { context } = given(task, [...historyTo('running'), updated(false)])
      .when(finished)
      .thenGives({ type: 'HookFailed', data: { phase: 'update' } }, { type: 'UpdateCompleted' });
    expect(context.isUpdating).toBeUndefined();
    given(task, historyTo('running')).when(finished).thenNothing();
  });

  it('have not seen to one that came meanwhile', () => {
    const events = [...historyTo('running'), updated(false)];
    const { context } = given(task, events)
      .when({ ...finished, specVersion: 1 })
      .thenGives({ type: 'HookFailed' });
    expect(context.isUpdating).toBe(true);
  });

  it('need not see to one when the program begins anew', () => {
    const events = [...historyTo('prestart'), updated(false)];
    const { context } = given(task, events)
      .when({ type: 'PrestartFinished', results: [] })
      .thenGives({ type: 'PrestartCompleted' }, { type: 'RunStarting' });
    expect(context.isUpdating).toBeUndefined();
  });
});
