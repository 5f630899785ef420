/** What a task makes of being stopped, hurried, restarted for a check, held, resumed and begun anew. */
import { describe, expect, it } from 'vitest';
import { foldAll, given, taskSubject } from '../../src/testing/index.ts';
import type { TaskMessage } from '../../src/machines/task-messages.ts';
import { livedMs } from '../../src/machines/task-state.ts';
import { taskTable } from '../../src/machines/task-machine.ts';
import {
  EXIT_1,
  fact,
  historyTo,
  killing,
  policy,
  PROCESS,
  SESSION,
  T,
  taskSpec,
} from './stories.ts';

const task = taskSubject();
const SLOW = taskSpec({ shutdownDelayMs: 3_000 });
const stop: TaskMessage = { type: 'StopTask', reason: 'enough' };
const hurry: TaskMessage = { ...stop, isHurried: true };
const at = (steady: number) => ({ now: 5, steady });

describe('a shutdown delay', () => {
  it('comes before the signal and before the time that the program has', () => {
    given(task, historyTo('running', SLOW))
      .when(stop, at(T))
      .thenGives({ type: 'TaskKilling', data: { signalAt: T + 3_000, deadline: T + 8_000 } });
  });

  it.each(['pending', 'prestart', 'starting', 'backoff', 'held'])(
    'is not waited for in %s, where nobody can turn away from anything',
    (value) => {
      const { context } = given(task, historyTo(value, SLOW))
        .when(stop, at(T))
        .thenGives({ type: 'TaskKilling', data: { deadline: T + 5_000 } });
      expect(context.kill?.signalAt).toBeUndefined();
    },
  );

  it('is not waited for by a restart', () => {
    const { context } = given(task, historyTo('running', SLOW))
      .when({ type: 'RestartTask', reason: 'now' }, at(T))
      .thenGives({ type: 'TaskKilling', data: { then: 'restart', deadline: T + 5_000 } });
    expect(context.kill?.signalAt).toBeUndefined();
  });

  it('is skipped and cut short by who is in a hurry, and becomes never longer', () => {
    const { context } = given(task, historyTo('running', SLOW))
      .when(hurry, at(T))
      .thenGives({ type: 'TaskKilling', data: { deadline: T + 5_000 } });
    expect(context.kill?.signalAt).toBeUndefined();
    const waits = [...historyTo('running', SLOW), killing('stop', { signalAt: T + 3_000 })];
    given(task, waits)
      .when(hurry, at(T + 1_000))
      .thenGives({ type: 'TaskKilling', data: { signalAt: T + 1_000, deadline: T + 6_000 } });
    given(task, waits)
      .when(hurry, at(T + 3_000))
      .thenNothing();
    given(task, waits).when(stop, at(T)).thenNothing();
    const hurried = [...waits, killing('stop', { signalAt: T + 1_000 })];
    given(task, hurried)
      .when(hurry, at(T + 1_500))
      .thenNothing();
  });

  it('leaves the program to be spoken to until it is over', () => {
    const waits = [...historyTo('running', SLOW), killing('stop', { signalAt: T + 3_000 })];
    const ask: TaskMessage = { type: 'OpenSession', ...SESSION };
    const signal: TaskMessage = { type: 'SignalTask', signal: 'SIGHUP' };
    for (const [message, type] of [
      [ask, 'SessionOpened'],
      [signal, 'TaskSignaled'],
    ] as const) {
      given(task, waits)
        .when(message, at(T + 2_999))
        .thenGives({ type });
      given(task, waits)
        .when(message, at(T + 3_000))
        .thenRejects('WRONG_STATE');
    }
  });

  it('leaves the deadline of a restart that becomes a stop', () => {
    given(task, [...historyTo('running', SLOW), killing('restart')])
      .when(stop, at(T + 4_000))
      .thenGives({ type: 'TaskKilling', data: { then: 'stop', deadline: T + 5_000 } });
  });
});

describe('a restart that a check asked for', () => {
  const unhealthy: TaskMessage = { type: 'RestartTask', reason: 'unhealthy', isCounted: true };
  const killed = [...historyTo('running'), killing('restart', { isCounted: true })];
  const settled: TaskMessage = { type: 'RunSettled', faults: [] };

  it('says so in the kill', () => {
    given(task, historyTo('running'))
      .when(unhealthy)
      .thenGives({ type: 'TaskKilling', data: { then: 'restart', isCounted: true } });
  });

  it('is counted and delayed by the policy once the program has ended', () => {
    given(task, [...killed, fact('TaskExited', EXIT_1)])
      .when(settled, at(T))
      .thenGives({
        type: 'TaskRestarting',
        data: { attempt: 1, delayMs: 1_000, isCounted: true, reason: 'Restart within policy' },
      });
  });

  it('is the end when the policy allows no more', () => {
    const strict = historyTo('running', taskSpec({ restart: policy({ attempts: 0 }) }));
    const events = [...strict, killing('restart', { isCounted: true }), fact('TaskExited', EXIT_1)];
    given(task, events)
      .when(settled)
      .thenGives({ type: 'TaskNotRestarting', data: { outcome: 'failed' } });
  });

  it('leaves a restart by hand uncounted and without a delay', () => {
    given(task, [...historyTo('running'), killing('restart'), fact('TaskExited', EXIT_1)])
      .when(settled, at(T))
      .thenGives({ type: 'TaskRestarting', data: { delayMs: 0, attempt: 0, isCounted: false } });
  });
});

describe('a task that is held', () => {
  it('keeps what it knows, and forgets its restarts when it is resumed', () => {
    const restarted = [...historyTo('backoff'), fact('RestartDelayElapsed', {})];
    const again = [
      ...restarted,
      fact('RunStarting', { launchKey: 'k2', token: 't', mark: 'm', deadline: 1 }, 2),
      fact('TaskStarted', PROCESS, 2),
      fact('TaskExited', EXIT_1, 2),
      fact('TaskHeld', { reason: 'enough' }, 2),
    ];
    const held = foldAll(taskTable, again);
    expect(held).toMatchObject({ value: 'held', context: { restarts: { count: 1, total: 1 } } });
    expect(held.context.reason).toBe('exit code 1: enough');
    const state = given(task, again)
      .when({ type: 'ResumeTask' })
      .thenGives({ type: 'TaskResumed' });
    expect(state).toMatchObject({
      value: 'prestart',
      context: { restarts: { count: 0, intervalStart: 0, total: 1 }, reason: '', run: 2 },
    });
  });

  it('is the only one that can be resumed', () => {
    for (const value of ['pending', 'running', 'backoff', 'killing', 'dead']) {
      given(task, historyTo(value)).when({ type: 'ResumeTask' }).thenRejects('WRONG_STATE');
    }
  });

  it('is not restarted, but resumed', () => {
    given(task, historyTo('held'))
      .when({ type: 'RestartTask', reason: 'now' })
      .thenRejects('WRONG_STATE');
  });
});

describe('a task that is begun anew', () => {
  const revive = (revival: number): TaskMessage => ({ type: 'ReviveTask', revival });

  it('waits for its gate with counts of its own, and numbers its runs on', () => {
    const hook = fact('HookCompleted', {
      hook: 'env',
      phase: 'prestart',
      tookMs: 1,
      isDone: true,
      env: [],
      state: { mark: 'kept' },
    });
    const state = given(task, historyTo('dead').toSpliced(2, 0, hook))
      .when(revive(1))
      .thenGives({ type: 'TaskRevived', run: 1, data: { revival: 1 } });
    expect(state).toMatchObject({
      value: 'pending',
      context: {
        run: 1,
        revival: 1,
        restarts: { count: 0, intervalStart: 0, total: 0 },
        hooks: { env: { isDone: false, state: { mark: 'kept' } } },
      },
    });
    expect(state.context.outcome).toBeUndefined();
    expect(state.context.startedAt).toBeUndefined();
  });

  it('is so once for each restart of its alloc', () => {
    const revived = [...historyTo('dead'), fact('TaskRevived', { revival: 1 })];
    given(task, revived).when(revive(1)).thenNothing();
    given(task, revived).when(revive(2)).thenGives({ type: 'TaskRevived' });
    for (const value of ['prestart', 'running', 'killing', 'backoff', 'held', 'cleanup']) {
      given(task, historyTo(value)).when(revive(1)).thenNothing();
    }
  });

  it('can be ended before its gate opens, and there is nothing then to end', () => {
    const killed = foldAll(taskTable, [
      ...historyTo('dead'),
      fact('TaskRevived', { revival: 1 }),
      killing(),
    ]);
    // What the kill asks: a run that has ended needs no end.
    expect(killed.context.end).toBeDefined();
    const aborted = foldAll(taskTable, [
      ...historyTo('starting'),
      killing(),
      fact('TaskKilled', { reason: 'asked to' }),
      fact('CleanupCompleted', {}),
      fact('TaskRevived', { revival: 1 }),
    ]);
    expect(aborted.context.launch).toBeUndefined();
  });
});

describe('how long a run lived', () => {
  const lived = (startedAt: number, exitedAt: number, from?: number, to?: number) => {
    const steady = (steadyAt?: number) => (steadyAt === undefined ? {} : { steadyAt });
    const events = [
      ...historyTo('starting'),
      fact('TaskStarted', { ...PROCESS, startedAt, ...steady(from) }),
      fact('TaskExited', { ...EXIT_1, exitedAt, ...steady(to) }),
    ];
    return livedMs(foldAll(taskTable, events).context);
  };

  it('is what the clock that says less says', () => {
    expect(lived(T, T + 9_000, 100, 5_100)).toBe(5_000);
    expect(lived(T, T + 4_000, 100, 5_100)).toBe(4_000);
    expect(lived(T, T + 4_000)).toBe(4_000);
    expect(lived(T, T - 4_000, 100, 5_100)).toBe(0);
  });

  it('cannot be told of one that was lost or that never began', () => {
    const lost = fact('TaskLost', { reason: 'gone', maybeRan: true });
    expect(livedMs(foldAll(taskTable, [...historyTo('running'), lost]).context)).toBeUndefined();
    expect(livedMs(foldAll(taskTable, historyTo('starting')).context)).toBeUndefined();
  });

  it('is recorded on the steady clock only where the policy asks', () => {
    const asking = taskSpec({ restart: policy({ resetAfterMs: 1_000 }) });
    const exited: TaskMessage = { type: 'ProgramExited', run: 1, exit: EXIT_1 };
    given(task, historyTo('running', asking))
      .when(exited, at(T + 7))
      .thenGives({ type: 'TaskExited', data: { steadyAt: T + 7 } });
    const { context } = given(task, historyTo('running'))
      .when(exited, at(T + 7))
      .thenGives({ type: 'TaskExited' });
    expect(context.end).not.toHaveProperty('steadyAt');
  });
});
