import { describe, expect, it } from 'vitest';
import { goDuration, nomadTaskEvents } from '../../src/projections/nomad-task-events.ts';
import { exited, killing, received, started, told, type Line } from './told-events.ts';

const lines = (events: readonly Line[]): readonly string[] =>
  nomadTaskEvents(told(events), 'api').map((one) => `${one.type}: ${one.displayMessage}`);

const done = (hook: string): Line => [
  'api',
  'HookCompleted',
  { hook, phase: 'prestart', tookMs: 1, isDone: false, env: [], state: {} },
];
const restart = (delayMs: number, reason: string): Line => [
  'api',
  'TaskRestarting',
  { attempt: 1, at: 1, delayMs, reason, isCounted: true, intervalStart: 1 },
  1,
];

describe("a task's events in Nomad's words", () => {
  it('are those of a service that fails once and is then stopped', () => {
    const life = lines([
      received('api'),
      ['api', 'GateOpened', { gate: 'main' }],
      [
        'api',
        'HookMessage',
        { hook: 'artifacts', phase: 'prestart', message: 'Downloading Artifacts' },
      ],
      done('validate'),
      done('task-dir'),
      ...started('api', 1),
      exited('api', 1, { exitCode: 1 }),
      restart(17_233, 'Restart within policy'),
      ['api', 'RestartDelayElapsed', {}, 1],
      done('task-dir'),
      ...started('api', 2),
      ['api', 'TaskReattached', { pid: 42 }, 2],
      killing('api', 2, { reason: 'stopped' }),
      exited('api', 2, { exitCode: null, signal: 'SIGTERM' }),
      ['api', 'TaskKilled', { reason: 'stopped' }, 2],
      ['api', 'CleanupCompleted', {}, 2],
    ]);
    expect(life).toEqual([
      'Received: Task received by client',
      'Task Setup: Building Task Directory',
      'Downloading Artifacts: Client is downloading artifacts',
      'Started: Task started by client',
      'Terminated: Exit Code: 1',
      'Restarting: Task restarting in 17.233s',
      'Started: Task started by client',
      'Killing: Sent interrupt. Waiting 5s before force killing',
      'Terminated: Exit Code: 143, Signal: 15',
      'Killed: Task successfully killed',
    ]);
  });

  it('say why it does not start again, and nothing when it ended as it should', () => {
    const over = (outcome: string, reason: string): Line => [
      'api',
      'TaskNotRestarting',
      { outcome, reason },
      1,
    ];
    const text = 'Exceeded allowed attempts 2 in interval 30m and mode is "fail"';
    expect(lines([over('failed', text), over('complete', 'done')])).toEqual([
      `Not Restarting: ${text}`,
    ]);
    const why = 'Exceeded allowed attempts, applying a delay';
    expect(lines([restart(90_000, why)])).toEqual([
      `Restarting: ${why} - Task restarting in 1m30s`,
    ]);
  });

  it('tell the living what the alloc died of, and the dead nothing', () => {
    const stop = (more: object): Line => [
      '',
      'AllocStopping',
      { reason: '', isWished: false, ...more },
    ];
    const alive = [received('api')];
    expect(lines([...alive, stop({ cause: 'sibling', task: 'db' })]).at(-1)).toBe(
      'Sibling Task Failed: Task\'s sibling "db" failed',
    );
    expect(lines([...alive, stop({ cause: 'leader' })]).at(-1)).toBe(
      'Leader Task Dead: Leader Task in Group dead',
    );
    expect(lines([...alive, stop({ cause: 'mains' })]).at(-1)).toBe(
      'Main Tasks Dead: Main tasks in the group died',
    );
    const dead: Line = ['api', 'TaskKilled', { reason: '' }, 1];
    expect(lines([...alive, dead, stop({ cause: 'leader' })])).toHaveLength(2);
    expect(lines([['db', 'TaskStarted', {}, 1]])).toEqual([]);
  });

  it('tell of a shutdown delay and of its being cut short', () => {
    expect(
      lines([
        received('api', { shutdownDelayMs: 10_000 }),
        killing('api', 1, { signalAt: 10_000 }),
        killing('api', 1, { signalAt: 1 }),
      ]).slice(1),
    ).toEqual([
      'Killing: Sent interrupt. Waiting 5s before force killing',
      'Waiting for shutdown delay: Waiting for shutdown_delay of 10s before killing the task.',
      'Skipping shutdown delay: Skipping shutdown_delay of 10s before killing the task.',
    ]);
  });

  it('tell what hooks and drivers say', () => {
    const failed = (hook: string): Line => [
      'api',
      'HookFailed',
      { hook, phase: 'prestart', tookMs: 1, isRecoverable: false, message: 'no' },
    ];
    const start = (code: string): Line => [
      'api',
      'TaskStartFailed',
      { code, message: 'no', isRecoverable: false },
      1,
    ];
    expect(
      lines([
        failed('artifacts'),
        failed('validate'),
        failed('own'),
        start('START_FAILED'),
        start('DRIVER_CONFIG_INVALID'),
        killing('api', 1, { then: 'restart', reason: 'healthcheck: check "up" unhealthy' }),
        ['api', 'TaskSignaled', { signal: 'SIGHUP', reason: 'Template re-rendered' }, 1],
        exited('api', 1, { exitCode: null, signal: 'SIGKILL', oomKilled: true }),
      ]),
    ).toEqual([
      'Failed Artifact Download: no',
      'Failed Validation: no',
      'Task hook failed: own: no',
      'Driver Failure: no',
      'Failed Validation: no',
      'Restart Signaled: healthcheck: check "up" unhealthy',
      'Signaling: Task being sent signal SIGHUP: Template re-rendered',
      'Terminated: Exit Code: 137, Signal: 9, Exit Message: "OOM Killed"',
    ]);
  });

  it.each([
    [0, '0s'],
    [500, '500ms'],
    [17_233, '17.233s'],
    [90_000, '1m30s'],
    [7_200_000, '2h0m0s'],
  ])('write %i ms as Go does: %s', (ms, text) => {
    expect(goDuration(ms)).toBe(text);
  });
});
