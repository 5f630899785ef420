/** One sentence for every edge of the chart, and what is refused or too late. */
import { describe, expect, it } from 'vitest';
import { given, taskSubject, unwalkedEdges } from '../../src/testing/index.ts';
import type { Expected } from '../../src/testing/given.ts';
import type { TaskEvent, TaskEventType } from '../../src/events/task-event.ts';
import type { TaskMessage } from '../../src/machines/task-messages.ts';
import {
  EXIT_0,
  EXIT_1,
  fact,
  FAULT,
  historyTo,
  killing,
  opened,
  policy,
  PROCESS,
  RESULT,
  SERVICE,
  served,
  SESSION,
  SESSION_END,
  TASK_STATES,
  taskSpec,
  UPDATED,
} from './stories.ts';

type Row = readonly [from: string, message: TaskMessage, ...types: TaskEventType[]];

const task = taskSubject();

const THING = { kind: 'image', id: 'sha256:1' };
const forget: TaskMessage = { type: 'ForgetHolding', ...THING };
const holding = (from: string): readonly Row[] => [
  [from, { type: 'RecordHolding', ...THING }, 'HoldingRecorded'],
  [`${from} with a holding`, forget, 'HoldingForgotten'],
];
const said: TaskMessage = { type: 'DriverSpoke', topic: 'pull', message: 'half', details: {} };
const notes = (from: string): readonly Row[] => [
  [from, { type: 'HooksProgressed', phase: 'prestart', results: [RESULT] }, 'HookCompleted'],
  [from, { type: 'HookFaulted', phase: 'start', fault: FAULT }, 'HookFailed'],
  [from, { type: 'HookSpoke', phase: 'start', hook: 'env', message: 'hello' }, 'HookMessage'],
  [from, { type: 'HookLearned', hook: 'env', state: { a: 'b' } }, 'HookNoted'],
  [from, said, 'DriverMessage'],
  ...(from === 'cleanup' ? [] : holding(from)),
];
const stop: TaskMessage = { type: 'StopTask', reason: 'enough' };
const found: TaskMessage = {
  type: 'RunFound',
  run: 9,
  launchKey: 'key9',
  token: 't9',
  mark: 'i:key9',
  machineEpoch: 'boot',
};
const withdraw: TaskMessage = { type: 'WithdrawServices', reason: 'the group ends' };
const CHECK = { check: 'alive', status: 'critical', output: 'no answer' } as const;
const revive: TaskMessage = { type: 'ReviveTask', revival: 1 };
const started: TaskMessage = { type: 'ProgramStarted', run: 1, process: PROCESS };
const exited: TaskMessage = { type: 'ProgramExited', run: 1, exit: EXIT_0 };
const lost: TaskMessage = { type: 'ProgramLost', run: 1, reason: 'gone', maybeRan: true };
const reattached: TaskMessage = { type: 'ProgramReattached', run: 1, pid: 42 };
const stuck: TaskMessage = { type: 'KillStuck', message: 'pid 42 lives' };
const settled: TaskMessage = { type: 'RunSettled', faults: [] };
const refused = (isRecoverable: boolean): TaskMessage => {
  return { type: 'StartRefused', run: 1, code: 'START_FAILED', message: 'no', isRecoverable };
};
const update: TaskMessage = {
  type: 'UpdateTask',
  task: taskSpec(),
  hooks: [],
  version: 2,
  restartVersion: 0,
};
const receive: TaskMessage = {
  type: 'ReceiveTask',
  allocName: 'shop',
  task: taskSpec(),
  hooks: [],
  openGate: 'main',
};
const faulted = (isRecoverable: boolean): TaskMessage => {
  return { type: 'PrestartFaulted', results: [], fault: { ...FAULT, isRecoverable } };
};

const STRICT = taskSpec({ restart: policy({ attempts: 0 }) });
const HOLDING = taskSpec({ restart: policy({ attempts: 0, mode: 'hold' }) });

const ROWS: readonly Row[] = [
  ['nothing', receive, 'TaskReceived', 'GateOpened'],
  ['pending', found, 'TaskRecovered'],
  ['pending', stop, 'TaskKilling'],
  ['pending', revive, 'TaskRevived'],
  ...TASK_STATES.map((value): Row => [value, update, 'TaskUpdated']),
  ['running, updated', { type: 'UpdateFinished', specVersion: 2, faults: [] }, 'UpdateCompleted'],
  ...notes('prestart'),
  ['prestart', { type: 'PrestartFinished', results: [] }, 'PrestartCompleted', 'RunStarting'],
  ['prestart', faulted(true), 'HookFailed', 'TaskRestarting'],
  ['prestart', faulted(false), 'HookFailed', 'TaskNotRestarting'],
  ['prestart, to be held', faulted(false), 'HookFailed', 'TaskHeld'],
  ['prestart', found, 'TaskRecovered'],
  ['prestart', stop, 'TaskKilling'],
  ...notes('starting'),
  ['starting', started, 'TaskStarted'],
  ['starting', refused(true), 'TaskStartFailed', 'TaskRestarting'],
  ['starting', refused(false), 'TaskStartFailed', 'TaskNotRestarting'],
  ['starting, to be held', refused(false), 'TaskStartFailed', 'TaskHeld'],
  ['starting', exited, 'TaskExited'],
  ['starting', lost, 'TaskLost'],
  ['starting', found, 'TaskRecovered'],
  ['starting', stop, 'TaskKilling'],
  ...notes('running'),
  ['running', reattached, 'TaskReattached'],
  ['running', { type: 'SignalTask', signal: 'SIGHUP' }, 'TaskSignaled'],
  ['running', { type: 'OpenSession', ...SESSION }, 'SessionOpened'],
  ['running with a session', SESSION_END, 'SessionClosed'],
  ['running with a session', found, 'SessionClosed', 'TaskRecovered'],
  ['running', { type: 'RegisterService', run: 1, service: SERVICE }, 'ServiceRegistered'],
  ['running with a service', withdraw, 'ServiceDeregistered'],
  ['running with a service', stop, 'ServiceDeregistered', 'TaskKilling'],
  ['running with a service', exited, 'ServiceDeregistered', 'TaskExited'],
  ['running with a service', lost, 'ServiceDeregistered', 'TaskLost'],
  ['running with a service', found, 'ServiceDeregistered', 'TaskRecovered'],
  ['running', { type: 'ReportCheck', run: 1, ...CHECK }, 'CheckChanged'],
  ['running', exited, 'TaskExited'],
  ['running', lost, 'TaskLost'],
  ['running', found, 'TaskRecovered'],
  ['running', stop, 'TaskKilling'],
  ...notes('killing'),
  ['killing before its start', started, 'TaskStarted'],
  ['killing', reattached, 'TaskReattached'],
  ['killing', stuck, 'TaskStuck'],
  ['killing with a delay', { type: 'SignalTask', signal: 'SIGHUP' }, 'TaskSignaled'],
  ['killing with a delay', { type: 'OpenSession', ...SESSION }, 'SessionOpened'],
  ['killing to restart', stop, 'TaskKilling'],
  ['killing', exited, 'TaskExited'],
  ['killing', lost, 'TaskLost'],
  ['killing to restart', { type: 'NothingRan' }, 'TaskRestarting'],
  ['killing for a check', { type: 'NothingRan' }, 'TaskRestarting'],
  ['killing for a check, without attempts', { type: 'NothingRan' }, 'TaskNotRestarting'],
  ['killing for a check, to be held', { type: 'NothingRan' }, 'TaskHeld'],
  ['killing', found, 'TaskRecovered'],
  ['killing', { type: 'NothingRan' }, 'TaskKilled'],
  ['killing with a session', SESSION_END, 'SessionClosed'],
  ['killing with a session', { type: 'NothingRan' }, 'SessionClosed', 'TaskKilled'],
  ...notes('exited'),
  ['exited', stuck, 'TaskStuck'],
  ['exited', stop, 'TaskKilling'],
  ['exited after a kill', settled, 'TaskKilled'],
  ['exited', settled, 'TaskRestarting'],
  ['exited', found, 'TaskRecovered'],
  ['exited without a restart', settled, 'TaskNotRestarting'],
  ['exited, to be held', settled, 'TaskHeld'],
  ['exited with a session', SESSION_END, 'SessionClosed'],
  ['exited with a session', settled, 'SessionClosed', 'TaskRestarting'],
  ...holding('backoff'),
  ['backoff', { type: 'DelayElapsed' }, 'RestartDelayElapsed'],
  ['backoff', found, 'TaskRecovered'],
  ['backoff', stop, 'TaskKilling'],
  ...holding('held'),
  ['held', { type: 'ResumeTask' }, 'TaskResumed'],
  ['held', found, 'TaskRecovered'],
  ['held', stop, 'TaskKilling'],
  ['dead', revive, 'TaskRevived'],
  ...notes('cleanup'),
  ['cleanup with a holding', forget, 'HoldingForgotten'],
  ['cleanup', { type: 'CleanupFinished', faults: [] }, 'CleanupCompleted'],
];

function history(from: string): ReturnType<typeof historyTo> {
  switch (from) {
    case 'nothing':
      return [];
    case 'killing before its start':
      return [...historyTo('starting'), killing()];
    case 'running, updated':
      return [...historyTo('running'), UPDATED];
    case 'running with a session':
      return [...historyTo('running'), opened()];
    case 'running with a service':
      return [...historyTo('running'), served({ isGroups: true })];
    case 'killing with a session':
      return [...historyTo('running'), opened(), killing()];
    case 'exited with a session':
      return [...historyTo('running'), opened(), fact('TaskExited', EXIT_1)];
    case 'killing with a delay':
      return [...historyTo('running'), killing('stop', { signalAt: 10 ** 15 })];
    case 'killing to restart':
      return [...historyTo('running'), killing('restart')];
    case 'exited after a kill':
      return [...historyTo('exited'), killing()];
    case 'prestart, to be held':
    case 'starting, to be held':
    case 'exited, to be held':
      return historyTo(from.split(',')[0] as string, HOLDING);
    case 'killing for a check':
      return [...historyTo('running'), killing('restart', { isCounted: true })];
    case 'killing for a check, without attempts':
      return [...historyTo('running', STRICT), killing('restart', { isCounted: true })];
    case 'killing for a check, to be held':
      return [...historyTo('running', HOLDING), killing('restart', { isCounted: true })];
    case 'exited without a restart':
      return [
        ...historyTo('running', taskSpec({ restartOnSuccess: false })),
        fact('TaskExited', EXIT_0),
      ];
    default: {
      const [value = '', held] = from.split(' with a holding');
      const events = historyTo(value);
      // It is recorded as early as a driver may.
      const begun = historyTo('prestart');
      if (held === undefined) return events;
      return [...begun, fact('HoldingRecorded', THING), ...events.slice(begun.length)];
    }
  }
}

describe('every edge of the task chart', () => {
  it.each(ROWS.map(([from, message, ...types]) => ({ from, message, types })))(
    'is decided: $from, $message.type, $types',
    ({ from, message, types }) => {
      given(task, history(from))
        .when(message)
        .thenGives(...types.map((type) => ({ type }) as Expected<TaskEvent>));
    },
  );

  it('is walked by one of the sentences', () => {
    expect(unwalkedEdges(task)).toEqual([]);
  });
});

describe('a senseless command', () => {
  const others = TASK_STATES.filter((value) => value !== 'running');

  it.each(others)('SignalTask is rejected in state %s', (value) => {
    given(task, historyTo(value))
      .when({ type: 'SignalTask', signal: 'SIGHUP' })
      .thenRejects('WRONG_STATE');
  });

  it.each(others)('OpenSession is rejected in state %s', (value) => {
    given(task, historyTo(value))
      .when({ type: 'OpenSession', ...SESSION })
      .thenRejects('WRONG_STATE');
  });

  it.each(others.filter((value) => value !== 'killing'))(
    'RestartTask is rejected in state %s',
    (value) => {
      given(task, historyTo(value))
        .when({ type: 'RestartTask', reason: 'now' })
        .thenRejects('WRONG_STATE');
    },
  );

  it('RestartTask changes nothing about a kill that is under way', () => {
    given(task, historyTo('killing')).when({ type: 'RestartTask', reason: 'now' }).thenNothing();
  });
});

describe('a report that comes too late or twice', () => {
  it.each([
    ['prestart', { type: 'OpenGate', gate: 'main' }],
    ['running', started],
    ['running', refused(true)],
    ['running', { type: 'NothingRan' }],
    ['running', stuck],
    ['running', settled],
    ['running', { type: 'PrestartFinished', results: [] }],
    ['starting', reattached],
    ['exited', exited],
    ['exited', lost],
    ['running', SESSION_END],
    ['dead', SESSION_END],
    ['prestart', { type: 'DelayElapsed' }],
    ['running', { type: 'CleanupFinished', faults: [] }],
    ['cleanup', found],
    ['running', { ...found, run: 1 }],
    ['backoff', { type: 'HookSpoke', phase: 'exited', hook: 'env', message: 'late' }],
    ['dead', { type: 'HooksProgressed', phase: 'prestart', results: [RESULT] }],
    ['pending', { type: 'HookFaulted', phase: 'start', fault: FAULT }],
  ] as const satisfies readonly (readonly [string, TaskMessage])[])(
    'in state %s gives nothing: %j',
    (value, message) => {
      given(task, historyTo(value)).when(message).thenNothing();
    },
  );

  it('tells of a stuck kill once for each new word', () => {
    const events = [...historyTo('killing'), fact('TaskStuck', { message: 'pid 42 lives' })];
    given(task, events).when(stuck).thenNothing();
    given(task, events)
      .when({ ...stuck, message: 'pid 42 sleeps in the kernel' })
      .thenGives({ type: 'TaskStuck' });
  });
});

describe('commands beside a program', () => {
  it('are each remembered until their own end', () => {
    const events = [...historyTo('running'), opened('s1'), opened('s2')];
    const state = given(task, events).when(SESSION_END).thenGives({ type: 'SessionClosed' });
    expect(state.context.sessions).toEqual(['s2']);
  });

  it('are all over before their run is left', () => {
    const events = [...historyTo('running'), opened('s1'), opened('s2'), killing()];
    given(task, events)
      .when({ type: 'NothingRan' })
      .thenGives(
        { type: 'SessionClosed', data: { session: 's1', exitCode: null, signal: null } },
        { type: 'SessionClosed', data: { session: 's2' } },
        { type: 'TaskKilled' },
      );
  });
});

describe('a run found again after a lost log', () => {
  it('forgets the kill and the end of the run before it', () => {
    const state = given(task, [...historyTo('running'), killing('restart')])
      .when(found)
      .thenGives({ type: 'TaskRecovered', run: 9, data: { launchKey: 'key9' } });
    expect(state.context).toMatchObject({ run: 9, kill: undefined, end: undefined });
  });
});
