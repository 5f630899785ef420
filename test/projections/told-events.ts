/** Events as subscribers see them, written down shortly. */
import type { PublicEvent } from '../../src/api.ts';

export type Line = readonly [about: string, type: string, data?: object, run?: number];

/** `about` is a task's name, '' for the alloc and 'node' for the machine. */
export function told(lines: readonly Line[]): readonly PublicEvent[] {
  return lines.map(([about, type, data = {}, run = 0], index) => {
    const isNode = about === 'node';
    return {
      position: index + 1,
      storeId: 's',
      time: new Date(Date.UTC(2026, 0, 2) + index * 1000).toISOString(),
      type,
      alloc: isNode ? null : 'shop',
      allocId: isNode ? null : 'a1',
      task: isNode || about === '' ? null : about,
      run,
      data,
    };
  });
}

const RESTART = {
  attempts: 2,
  intervalMs: 1_800_000,
  delayMs: 15_000,
  mode: 'fail',
  onLost: 'restart',
};

export const received = (task: string, more: object = {}): Line => [
  task,
  'TaskReceived',
  {
    allocName: 'shop',
    task,
    driver: 'raw_exec',
    gate: 'main',
    hooks: ['task-dir'],
    restart: RESTART,
    restartOnSuccess: true,
    killSignal: 'SIGTERM',
    killTimeoutMs: 5_000,
    ...more,
  },
];

/** From the gate to a program that runs. */
export function started(task: string, run: number, pid = 40 + run): readonly Line[] {
  const launch = { launchKey: `k${run}`, mark: `i:k${run}`, deadline: 1 };
  const process = { pid, startTime: '1', machineEpoch: 'm', startedAt: 1 };
  return [
    [task, 'PrestartCompleted', {}, run - 1],
    [task, 'RunStarting', launch, run],
    [task, 'TaskStarted', process, run],
  ];
}

export const exited = (task: string, run: number, more: object = {}): Line => [
  task,
  'TaskExited',
  { exitCode: 0, signal: null, oomKilled: false, exitedAt: 2, ...more },
  run,
];

export const killing = (task: string, run: number, more: object = {}): Line => [
  task,
  'TaskKilling',
  { reason: '', then: 'stop', signal: 'SIGTERM', killTimeoutMs: 5_000, deadline: 9, ...more },
  run,
];

export const allocReceived: Line = [
  '',
  'AllocReceived',
  { name: 'shop', spec: { tasks: [] }, specHash: 'h', recovered: false },
];
