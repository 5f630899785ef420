/** The sentences of a task: given these events, when this message comes, then these events follow. */
import { describe, expect, it } from 'vitest';
import { given, taskSubject } from '../../src/testing/index.ts';
import type { TaskMessage } from '../../src/machines/task-messages.ts';
import {
  EXIT_0,
  EXIT_1,
  fact,
  FAULT,
  historyTo,
  killing,
  policy,
  PROCESS,
  RESULT,
  T,
  taskSpec,
} from './stories.ts';

const task = taskSubject();

describe('the beginning of a task', () => {
  const receive: TaskMessage = {
    type: 'ReceiveTask',
    allocName: 'shop',
    task: taskSpec(),
    hooks: ['env'],
    openGate: null,
  };

  it('records what is needed to decide about it later', () => {
    const state = given(task, [])
      .when(receive)
      .thenGives({ type: 'TaskReceived', run: 0, data: { task: 'web', hooks: ['env'] } });
    expect(state.value).toBe('pending');
    expect(state.context.plan?.restart).toEqual(policy());
  });

  it('begins at once when its gate is open', () => {
    given(task, [])
      .when({ ...receive, openGate: 'main' })
      .thenGives({ type: 'TaskReceived' }, { type: 'GateOpened', data: { gate: 'main' } });
  });

  it('waits for its own gate and for no other', () => {
    given(task, [])
      .when({ ...receive, openGate: 'prestart' })
      .thenGives({ type: 'TaskReceived' });
    given(task, historyTo('pending')).when({ type: 'OpenGate', gate: 'prestart' }).thenNothing();
    given(task, historyTo('pending'))
      .when({ type: 'OpenGate', gate: 'main' })
      .thenGives({ type: 'GateOpened' });
  });

  it('is received once', () => {
    given(task, historyTo('pending')).when(receive).thenNothing();
    given(task, historyTo('running')).when(receive).thenNothing();
  });
});

describe('hooks before a start', () => {
  it('lead to a start with a new identity and a deadline', () => {
    given(task, historyTo('prestart'))
      .when({ type: 'PrestartFinished', results: [RESULT] }, { now: T })
      .thenGives(
        { type: 'HookCompleted', data: { hook: 'env', phase: 'prestart' } },
        { type: 'PrestartCompleted', run: 0 },
        { type: 'RunStarting', run: 1, data: { launchKey: 'key1', deadline: T + 60_000 } },
      );
  });

  it('number the runs without a gap', () => {
    const events = [...historyTo('backoff'), fact('RestartDelayElapsed', {})];
    given(task, events)
      .when({ type: 'PrestartFinished', results: [] })
      .thenGives({ type: 'PrestartCompleted' }, { type: 'RunStarting', run: 2 });
  });

  it('end the task when one fails for good', () => {
    given(task, historyTo('prestart'))
      .when({ type: 'PrestartFaulted', results: [RESULT], fault: FAULT })
      .thenGives(
        { type: 'HookCompleted' },
        { type: 'HookFailed', data: { message: 'broken' } },
        {
          type: 'TaskNotRestarting',
          data: { outcome: 'failed', reason: 'Error was unrecoverable: env: broken' },
        },
      );
  });

  it('are tried again within the restart policy when the fault may pass', () => {
    given(task, historyTo('prestart'))
      .when({ type: 'PrestartFaulted', results: [], fault: { ...FAULT, isRecoverable: true } })
      .thenGives({ type: 'HookFailed' }, { type: 'TaskRestarting', data: { attempt: 1 } });
  });
});

describe('a start', () => {
  it('is recorded with the identity of its process', () => {
    given(task, historyTo('starting'))
      .when({ type: 'ProgramStarted', run: 1, process: PROCESS })
      .thenGives({ type: 'TaskStarted', run: 1, data: PROCESS });
  });

  it.each([
    [true, 'TaskRestarting'],
    [false, 'TaskNotRestarting'],
  ] as const)('that is refused and recoverable=%s gives %s', (isRecoverable, type) => {
    given(task, historyTo('starting'))
      .when({ type: 'StartRefused', run: 1, code: 'START_FAILED', message: 'no', isRecoverable })
      .thenGives({ type: 'TaskStartFailed', data: { message: 'no' } }, { type });
  });

  it('whose program ended before its start was reported is recorded whole', () => {
    given(task, historyTo('starting'))
      .when({ type: 'ProgramExited', run: 1, exit: EXIT_0, process: PROCESS })
      .thenGives({ type: 'TaskStarted' }, { type: 'TaskExited', data: EXIT_0 });
  });

  it('that cannot be accounted for is lost', () => {
    given(task, historyTo('starting'))
      .when({ type: 'ProgramLost', run: 1, reason: 'gone', maybeRan: true })
      .thenGives({ type: 'TaskLost', data: { maybeRan: true } });
  });
});

describe('a running task', () => {
  it('takes a signal, with the reason when there is one', () => {
    given(task, historyTo('running'))
      .when({ type: 'SignalTask', signal: 'SIGHUP', reason: 'reload' })
      .thenGives({ type: 'TaskSignaled', data: { signal: 'SIGHUP', reason: 'reload' } });
  });

  it('is reattached by a new agent and keeps running', () => {
    const state = given(task, historyTo('running'))
      .when({ type: 'ProgramReattached', run: 1, pid: 42 })
      .thenGives({ type: 'TaskReattached', data: { pid: 42 } });
    expect(state.value).toBe('running');
  });

  it('ends with what its program gave', () => {
    given(task, historyTo('running'))
      .when({ type: 'ProgramExited', run: 1, exit: EXIT_1 })
      .thenGives({ type: 'TaskExited', data: EXIT_1 });
    given(task, historyTo('running'))
      .when({ type: 'ProgramLost', run: 1, reason: 'gone', maybeRan: true })
      .thenGives({ type: 'TaskLost' });
  });

  it('takes no report once it is over, also while a kill is under way before the next', () => {
    const between = [...historyTo('backoff'), killing()];
    for (const message of [
      { type: 'ProgramReattached', run: 1, pid: 42 },
      { type: 'ProgramExited', run: 1, exit: EXIT_0 },
      { type: 'ProgramLost', run: 1, reason: 'gone', maybeRan: true },
    ] as const)
      given(task, between).when(message).thenNothing();
  });

  it('takes no report of another run', () => {
    given(task, historyTo('running'))
      .when({ type: 'ProgramExited', run: 2, exit: EXIT_0 })
      .thenNothing();
  });
});

describe('the end of a run', () => {
  it('restarts within policy after a non-zero exit', () => {
    given(task, historyTo('exited'))
      .when({ type: 'RunSettled', faults: [] }, { now: T, chance: 0.5 })
      .thenGives({
        type: 'TaskRestarting',
        data: { attempt: 1, delayMs: 1_125, at: T + 1_125, isCounted: true },
      });
  });

  it('completes a batch task after exit code 0', () => {
    const events = historyTo('running', taskSpec({ restartOnSuccess: false }));
    given(task, [...events, fact('TaskExited', EXIT_0)])
      .when({ type: 'RunSettled', faults: [FAULT] })
      .thenGives(
        { type: 'HookFailed', data: { phase: 'exited' } },
        { type: 'TaskNotRestarting', data: { outcome: 'complete' } },
      );
  });

  it('leads to the next start when the delay is over', () => {
    const state = given(task, historyTo('backoff'))
      .when({ type: 'DelayElapsed' })
      .thenGives({ type: 'RestartDelayElapsed' });
    expect(state.value).toBe('prestart');
  });

  it('leads to death when everything is cleaned up, whatever a hook says', () => {
    given(task, historyTo('cleanup'))
      .when({ type: 'CleanupFinished', faults: [FAULT] })
      .thenGives({ type: 'HookFailed', data: { phase: 'cleanup' } }, { type: 'CleanupCompleted' });
  });
});

describe('a kill', () => {
  it.each(['pending', 'prestart', 'starting', 'running', 'exited', 'backoff'])(
    'can be asked for in state %s, once',
    (value) => {
      given(task, historyTo(value))
        .when({ type: 'StopTask', reason: 'enough' }, { now: T })
        .thenGives({
          type: 'TaskKilling',
          data: { reason: 'enough', then: 'stop', signal: 'SIGTERM', deadline: T + 5_000 },
        });
      given(task, [...historyTo(value), killing()])
        .when({ type: 'StopTask', reason: 'enough' })
        .thenNothing();
    },
  );

  it('is nothing new for a task that is over', () => {
    given(task, historyTo('cleanup')).when({ type: 'StopTask', reason: 'x' }).thenNothing();
    given(task, historyTo('dead')).when({ type: 'StopTask', reason: 'x' }).thenNothing();
  });

  it('that was to restart becomes a stop, with the deadline it had', () => {
    given(task, [...historyTo('running'), killing('restart')])
      .when({ type: 'StopTask', reason: 'stop it' }, { now: T + 4_000 })
      .thenGives({ type: 'TaskKilling', data: { then: 'stop', deadline: T + 5_000 } });
  });

  it('that nothing survived ends the task as stopped', () => {
    const state = given(task, [...historyTo('running'), killing(), fact('TaskExited', EXIT_1)])
      .when({ type: 'RunSettled', faults: [] })
      .thenGives({ type: 'TaskKilled', data: { reason: 'asked to' } });
    expect(state.context.outcome).toBe('stopped');
  });

  it('of something that never ran ends at once', () => {
    given(task, historyTo('killing'))
      .when({ type: 'NothingRan' })
      .thenGives({ type: 'TaskKilled' });
  });

  it('for a restart starts again at once and does not count', () => {
    const restart = { attempt: 0, delayMs: 0, isCounted: false };
    given(task, [...historyTo('running'), killing('restart'), fact('TaskExited', EXIT_0)])
      .when({ type: 'RunSettled', faults: [] })
      .thenGives({ type: 'TaskRestarting', data: restart });
    given(task, [...historyTo('running'), killing('restart')])
      .when({ type: 'NothingRan' })
      .thenGives({ type: 'TaskRestarting', data: restart });
  });
});
