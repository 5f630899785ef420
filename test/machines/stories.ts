/** Short words for the histories that the tests of the charts begin with. */
import type { AllocEvent } from '../../src/events/alloc-event.ts';
import type { TaskEvent } from '../../src/events/task-event.ts';
import type { TaskStanding } from '../../src/machines/alloc-messages.ts';
import type { Facts } from '../../src/machines/chart-parts.ts';
import type {
  HookFault,
  HookResult,
  SessionFacts,
  TaskMessage,
} from '../../src/machines/task-messages.ts';
import type { AllocSpec } from '../../src/spec/alloc-spec.ts';
import type { RestartPolicy, TaskSpec } from '../../src/spec/task-spec.ts';

export const T = 1_000_000;

export function taskSpec(changes: Partial<TaskSpec> = {}): TaskSpec {
  return {
    name: 'web',
    driver: 'mock',
    config: {},
    env: {},
    gate: 'main',
    restart: policy(),
    restartOnSuccess: true,
    logs: { maxFiles: 10, maxFileSizeMb: 10 },
    killSignal: 'SIGTERM',
    killTimeoutMs: 5_000,
    meta: {},
    ...changes,
  };
}

export function policy(changes: Partial<RestartPolicy> = {}): RestartPolicy {
  return {
    attempts: 2,
    intervalMs: 60_000,
    delayMs: 1_000,
    mode: 'fail',
    onLost: 'restart',
    ...changes,
  };
}

export function allocSpec(...tasks: readonly TaskSpec[]): AllocSpec {
  return {
    version: 1,
    name: 'shop',
    type: 'service',
    meta: {},
    labels: {},
    tasks: tasks.length === 0 ? [taskSpec()] : tasks,
  };
}

export function fact<K extends TaskEvent['type']>(
  type: K,
  data: Facts<TaskEvent, K>,
  run = 1,
): TaskEvent {
  return { type, run, at: T, data } as TaskEvent;
}

export function allocFact<K extends AllocEvent['type']>(
  type: K,
  data: Facts<AllocEvent, K>,
): AllocEvent {
  return { type, run: 0, at: T, data } as AllocEvent;
}

export function received(task = taskSpec()): TaskEvent {
  const { name, driver, gate, restart, restartOnSuccess, killSignal, killTimeoutMs } = task;
  const { shutdownDelayMs } = task;
  const plan = { driver, gate, restart, restartOnSuccess, killSignal, killTimeoutMs };
  const delay = shutdownDelayMs === undefined ? {} : { shutdownDelayMs };
  return fact(
    'TaskReceived',
    { allocName: 'shop', task: name, hooks: ['env'], ...plan, ...delay },
    0,
  );
}

export const LAUNCH = { launchKey: 'key1', token: 'token1', mark: 'i:key1', deadline: T + 60_000 };
export const PROCESS = { pid: 42, startTime: '7', machineEpoch: 'boot', startedAt: T };
export const EXIT_0 = { exitCode: 0, signal: null, oomKilled: false, exitedAt: T };
export const EXIT_1 = { ...EXIT_0, exitCode: 1 };
export const RESULT: HookResult = { hook: 'env', tookMs: 1, isDone: false, env: [], state: {} };
export const FAULT: HookFault = { hook: 'env', tookMs: 1, isRecoverable: false, message: 'broken' };

export const SESSION: SessionFacts = {
  session: 's1',
  argv: ['sh'],
  user: '',
  isTerminal: true,
  actor: 'ann',
};
export const SESSION_END: TaskMessage = {
  type: 'SessionEnded',
  session: 's1',
  exitCode: 0,
  signal: null,
  reason: 'exited',
};
export const SERVICE = { service: 'web', address: '127.0.0.1', port: 80, tags: [], meta: {} };
/** Its program can be reached. */
export function served(more: { service?: string; isGroups?: true; hook?: string } = {}): TaskEvent {
  return fact('ServiceRegistered', { ...SERVICE, ...more });
}

/** A command was begun beside the program and goes on. */
export function opened(session = 's1'): TaskEvent {
  return fact('SessionOpened', { ...SESSION, argv: ['sh'], session });
}

export function killing(
  then: 'stop' | 'restart' = 'stop',
  more: { isCounted?: boolean; signalAt?: number } = {},
): TaskEvent {
  const deadline = (more.signalAt ?? T) + 5_000;
  const rest = { signal: 'SIGTERM', killTimeoutMs: 5_000, deadline, ...more };
  return fact('TaskKilling', { reason: 'asked to', then, ...rest });
}

const restarting = fact('TaskRestarting', {
  attempt: 1,
  at: T + 1_000,
  delayMs: 1_000,
  reason: 'Restart within policy',
  isCounted: true,
  intervalStart: T,
});

/** How a task stands that has this outcome, or runs when it has none. */
export function standing(
  task: string,
  outcome?: TaskStanding['outcome'],
  reason = 'because',
  more: Partial<TaskStanding> = {},
): TaskStanding {
  const isDead = outcome !== undefined;
  const begun = { hasBegun: true, hasStarted: true, isRunning: !isDead, isDead };
  return { task, ...begun, outcome, reason, revival: 0, ...more };
}
/** Its gate has not been opened. */
export function waiting(task: string): TaskStanding {
  const nothing = { hasBegun: false, hasStarted: false, isRunning: false };
  return standing(task, undefined, '', nothing);
}

/** A history that ends in the state of its name; `task` is what was received at its beginning. */
export function historyTo(value: string, task = taskSpec()): readonly TaskEvent[] {
  const prestart = [received(task), fact('GateOpened', { gate: task.gate }, 0)];
  const starting = [...prestart, fact('PrestartCompleted', {}, 0), fact('RunStarting', LAUNCH)];
  const running = [...starting, fact('TaskStarted', PROCESS)];
  const exited = [...running, fact('TaskExited', EXIT_1)];
  const gaveUp = fact('TaskNotRestarting', { outcome: 'failed', reason: 'enough' });
  const histories: Readonly<Record<string, readonly TaskEvent[]>> = {
    pending: [received(task)],
    prestart,
    starting,
    running,
    killing: [...running, killing()],
    exited,
    backoff: [...exited, restarting],
    held: [...exited, fact('TaskHeld', { reason: 'enough' })],
    cleanup: [...exited, gaveUp],
    dead: [...exited, gaveUp, fact('CleanupCompleted', {})],
  };
  return histories[value] ?? [];
}

export const UPDATED = fact('TaskUpdated', {
  specVersion: 2,
  isRestarted: false,
  hooks: ['validate'],
  restart: policy(),
  restartOnSuccess: true,
  killSignal: 'SIGTERM',
  killTimeoutMs: 5_000,
});

export const TASK_STATES = [
  'pending',
  'prestart',
  'starting',
  'running',
  'killing',
  'exited',
  'backoff',
  'held',
  'cleanup',
  'dead',
] as const;

/** One of every message, as a duty or a caller might send it in any state. */
export function everyMessage(run = 1): readonly TaskMessage[] {
  const names = { launchKey: 'key9', token: 't9', mark: 'i:key9', machineEpoch: 'boot' };
  const found = { run: run + 1, ...names };
  return [
    { type: 'ReceiveTask', allocName: 'shop', task: taskSpec(), hooks: [], openGate: 'main' },
    { type: 'OpenGate', gate: 'main' },
    { type: 'OpenGate', gate: 'prestart' },
    { type: 'StopTask', reason: 'stop' },
    { type: 'StopTask', reason: 'stop', isHurried: true },
    { type: 'RestartTask', reason: 'restart' },
    { type: 'RestartTask', reason: 'unhealthy', isCounted: true },
    { type: 'ResumeTask' },
    { type: 'ReviveTask', revival: 1 },
    { type: 'UpdateTask', task: taskSpec(), hooks: ['env'], version: 2, restartVersion: 0 },
    { type: 'UpdateTask', task: taskSpec(), hooks: ['env'], version: 3, restartVersion: 3 },
    { type: 'UpdateFinished', specVersion: 2, faults: [] },
    { type: 'UpdateFinished', specVersion: 3, faults: [FAULT] },
    { type: 'SignalTask', signal: 'SIGHUP' },
    { type: 'RegisterService', run, service: SERVICE },
    { type: 'RegisterService', run, service: { ...SERVICE, port: 81, isGroups: true } },
    { type: 'ReportCheck', run, check: 'alive', status: 'passing', output: 'ok' },
    { type: 'ReportCheck', run, check: 'alive', status: 'critical', output: 'no' },
    { type: 'WithdrawServices', reason: 'the group ends' },
    { type: 'OpenSession', ...SESSION },
    SESSION_END,
    { type: 'RecordHolding', kind: 'image', id: 'one' },
    { type: 'ForgetHolding', kind: 'image', id: 'one' },
    { type: 'DriverSpoke', topic: 'pull', message: 'half', details: { of: '2' } },
    { type: 'HooksProgressed', phase: 'prestart', results: [RESULT] },
    { type: 'HookFaulted', phase: 'start', fault: FAULT },
    { type: 'HookSpoke', phase: 'start', hook: 'env', message: 'hello' },
    { type: 'PrestartFinished', results: [RESULT] },
    { type: 'PrestartFaulted', results: [RESULT], fault: FAULT },
    { type: 'PrestartFaulted', results: [], fault: { ...FAULT, isRecoverable: true } },
    { type: 'ProgramStarted', run, process: PROCESS },
    { type: 'StartRefused', run, code: 'START_FAILED', message: 'no', isRecoverable: true },
    { type: 'StartRefused', run, code: 'START_FAILED', message: 'no', isRecoverable: false },
    { type: 'ProgramReattached', run, pid: 42 },
    { type: 'ProgramExited', run, exit: EXIT_0 },
    { type: 'ProgramExited', run, exit: EXIT_1, process: PROCESS },
    { type: 'ProgramLost', run, reason: 'gone', maybeRan: true },
    { type: 'ProgramLost', run, reason: 'gone', maybeRan: false },
    { type: 'NothingRan' },
    { type: 'KillStuck', message: 'pid 42 lives' },
    { type: 'RunSettled', faults: [] },
    { type: 'RunSettled', faults: [FAULT] },
    { type: 'DelayElapsed' },
    { type: 'CleanupFinished', faults: [] },
    { type: 'CleanupFinished', faults: [FAULT] },
    { type: 'RunFound', ...found },
  ];
}
