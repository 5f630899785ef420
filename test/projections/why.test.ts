import { describe, expect, it } from 'vitest';
import { whyChain } from '../../src/projections/why.ts';
import {
  allocReceived,
  exited,
  killing,
  received,
  started,
  told,
  type Line,
} from './told-events.ts';

const life = (task: string): readonly Line[] => [
  received(task),
  [task, 'GateOpened', { gate: 'main' }],
  ...started(task, 1),
];
const restarting: Line = [
  'api',
  'TaskRestarting',
  {
    attempt: 1,
    at: 9,
    delayMs: 15_000,
    reason: 'Restart within policy',
    isCounted: true,
    intervalStart: 1,
  },
  1,
];

function why(lines: readonly Line[], task: string | null = 'api'): readonly string[] {
  const { causes } = whyChain(told(lines), { alloc: 'shop', allocId: 'a1', task });
  return causes.map((cause) => `${cause.task ?? cause.alloc ?? 'node'}: ${cause.text}`);
}

describe('why a task is as it is', () => {
  it('goes from what runs back to what somebody asked for', () => {
    expect(why([allocReceived, ...life('api')])).toEqual([
      'api: run 1 started, pid 41',
      'shop: somebody asked for the alloc',
    ]);
  });

  it('goes over a restart to the end before it', () => {
    const lines = [...life('api'), exited('api', 1, { exitCode: 1 }), restarting];
    const again: readonly Line[] = [['api', 'RestartDelayElapsed', {}, 1], ...started('api', 2)];
    expect(why([allocReceived, ...lines, ...again])).toEqual([
      'api: run 2 started, pid 42',
      'api: it starts again in 15s, restart 1 of this interval: Restart within policy',
      'api: run 1 exited with code 1',
    ]);
  });

  it('finds the signal that somebody sent, by its name or as a shell says it', () => {
    const signal: Line = ['api', 'TaskSignaled', { signal: 'SIGUSR1' }, 1];
    const other: Line = ['api', 'TaskSignaled', { signal: 'SIGHUP' }, 1];
    const over: Line = ['api', 'TaskNotRestarting', { outcome: 'failed', reason: 'no more' }, 1];
    for (const end of [{ exitCode: null, signal: 'SIGUSR1' }, { exitCode: 138 }]) {
      const lines = why([...life('api'), signal, other, exited('api', 1, end), over]);
      expect(lines[0]).toBe('api: it is over, failed: no more');
      expect(lines[2]).toBe('api: SIGUSR1 was sent to run 1');
    }
    expect(why([...life('api'), other, exited('api', 1, { exitCode: 1 })])).toHaveLength(1);
  });

  it('does not blame a signal to a run before', () => {
    const signal: Line = ['api', 'TaskSignaled', { signal: 'SIGKILL' }, 1];
    const first = [...life('api'), signal, exited('api', 1, { exitCode: 1 }), restarting];
    const second = [...started('api', 2), exited('api', 2, { exitCode: null, signal: 'SIGKILL' })];
    expect(why([...first, ...second])).toEqual(['api: run 2 was ended by SIGKILL']);
  });

  it('says when the kernel had no memory', () => {
    const end = exited('api', 1, { exitCode: null, signal: 'SIGKILL', oomKilled: true });
    expect(why([...life('api'), end])).toEqual([
      'api: run 1 was killed by the kernel, which had no memory left for it',
    ]);
  });

  it('goes from a kill to the stop of the alloc, and to the sibling that failed', () => {
    const stopping: Line = [
      '',
      'AllocStopping',
      { reason: `Task's sibling "db" failed`, isWished: false, cause: 'sibling', task: 'db' },
    ];
    const lines = [
      allocReceived,
      ...life('api'),
      ...life('db'),
      exited('db', 1, { exitCode: 3 }),
      ['db', 'TaskNotRestarting', { outcome: 'failed', reason: 'Policy allows no restarts' }, 1],
      stopping,
      killing('api', 1, { reason: `Task's sibling "db" failed` }),
      exited('api', 1, { exitCode: null, signal: 'SIGTERM' }),
      ['api', 'TaskKilled', { reason: `Task's sibling "db" failed` }, 1],
    ] satisfies readonly Line[];
    const chain = [
      'shop: it is stopped: Task\'s sibling "db" failed',
      'db: it is over, failed: Policy allows no restarts',
      'db: run 1 exited with code 3',
    ];
    expect(why(lines).slice(1)).toEqual([
      'api: run 1 was ended by SIGTERM',
      'api: it is ended (SIGTERM, by force after 5s): Task\'s sibling "db" failed',
      ...chain,
    ]);
    const end: Line = ['', 'AllocStopped', { status: 'failed', reason: 'db: exit code 3' }];
    expect(why([...lines, end], null).slice(1)).toEqual(chain);
  });

  it('goes from a lost run to what the machine lost', () => {
    const lost: Line = [
      'api',
      'TaskLost',
      { reason: 'the machine was started anew', maybeRan: true },
      1,
    ];
    const agent: Line = ['node', 'AgentStarted', { agentEpoch: 2, version: '0.1.0' }];
    expect(why([agent, ...life('api'), lost])).toHaveLength(1);
    expect(why([...life('api'), agent, lost])).toEqual([
      'api: run 1 was lost, and may have done its work: the machine was started anew',
      'node: agent 2 started, version 0.1.0',
    ]);
  });

  it('says of an alloc that came to its end by itself which task was the last', () => {
    const over = (task: string): Line => [
      task,
      'TaskNotRestarting',
      { outcome: 'complete', reason: 'done' },
      1,
    ];
    const lives = [
      ...life('a'),
      ...life('b'),
      exited('b', 1),
      over('b'),
      exited('a', 1),
      over('a'),
    ];
    const end: Line = [
      '',
      'AllocStopped',
      { status: 'complete', reason: 'All tasks have completed' },
    ];
    expect(why([allocReceived, ...lives, end], null)).toEqual([
      'shop: the alloc is over, complete: All tasks have completed',
      'a: it is over, complete: done',
      'a: run 1 exited with code 0',
    ]);
  });

  it('says what a hook said', () => {
    const fault = { hook: 'artifacts', phase: 'prestart', tookMs: 1, isRecoverable: true };
    const failed: Line = ['api', 'HookFailed', { ...fault, message: 'answers 503' }];
    expect(why([allocReceived, received('api'), failed])).toEqual([
      'api: hook artifacts (prestart) failed, which may pass: answers 503',
      'shop: somebody asked for the alloc',
    ]);
  });

  it('ends for a task of which nothing is known', () => {
    expect(why([allocReceived], 'none')).toEqual([]);
  });
});
