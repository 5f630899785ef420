import { describe, expect, it } from 'vitest';
import { taskTable } from '../../src/machines/task-machine.ts';
import { taskView, type TaskFold } from '../../src/projections/task-view.ts';
import { foldAll } from '../../src/testing/index.ts';
import type { TaskEvent } from '../../src/events/task-event.ts';
import { EXIT_0, EXIT_1, fact, historyTo, killing, T, TASK_STATES } from '../machines/stories.ts';

const PLACE = { alloc: 'shop', allocId: 'a1', task: 'web', driver: 'mock' };
const AT = new Date(T).toISOString();

function viewOf(events: readonly TaskEvent[]): ReturnType<typeof taskView> {
  const folded: TaskFold = { position: 7, state: foldAll(taskTable, events) };
  return taskView(PLACE, folded);
}
function ended(outcome: 'complete' | 'failed' | 'lost', reason = 'why'): readonly TaskEvent[] {
  return [...historyTo('exited'), fact('TaskNotRestarting', { outcome, reason })];
}

describe('the view of a task', () => {
  it.each([
    ['pending', 'pending', 'pending'],
    ['prestart', 'prestart', 'pending'],
    ['starting', 'starting', 'pending'],
    ['running', 'running', 'running'],
    ['killing', 'killing', 'running'],
    ['exited', 'running', 'running'],
    ['backoff', 'backoff', 'pending'],
    ['held', 'held', 'pending'],
    ['cleanup', 'failed', 'dead'],
    ['dead', 'failed', 'dead'],
  ])('says of state %s: %s, in words of Nomad %s', (value, state, nomadState) => {
    expect(viewOf(historyTo(value))).toMatchObject({ state, nomadState, position: 7 });
  });

  it('knows every state of the chart', () => {
    expect([...taskTable.states.keys()].toSorted()).toEqual([...TASK_STATES].toSorted());
  });

  it.each(['complete', 'failed', 'lost'] as const)('says how a task ended: %s', (outcome) => {
    expect(viewOf(ended(outcome))).toMatchObject({
      state: outcome,
      failed: outcome !== 'complete',
      reason: outcome === 'failed' ? 'exit code 1: why' : 'why',
    });
  });

  it('calls a task stopped that was asked to stop, and does not call that a failure', () => {
    const events = [...historyTo('killing'), fact('TaskExited', EXIT_1)];
    const killed = [...events, fact('TaskKilled', { reason: 'asked to' })];
    expect(viewOf(events)).toMatchObject({ state: 'killing', nomadState: 'running' });
    expect(viewOf(killed)).toMatchObject({ state: 'stopped', failed: false, reason: 'asked to' });
  });

  it('says of a task that is held what happened and why nothing follows', () => {
    expect(viewOf(historyTo('held'))).toMatchObject({
      failed: false,
      exitCode: 1,
      reason: 'exit code 1: enough',
    });
  });

  it('says of a task that was begun anew how its newest run ended, and no more', () => {
    const revived = fact('TaskRevived', { revival: 1 });
    expect(viewOf([...historyTo('dead'), revived])).toMatchObject({
      state: 'pending',
      nomadState: 'pending',
      failed: false,
      run: 1,
      exitCode: 1,
      startedAt: null,
      finishedAt: null,
      reason: '',
    });
  });

  it('shows the pid only while the program runs', () => {
    expect(viewOf(historyTo('running')).pid).toBe(42);
    expect(viewOf([...historyTo('running'), killing()]).pid).toBe(42);
    expect(viewOf(historyTo('starting')).pid).toBeNull();
    expect(viewOf(historyTo('exited')).pid).toBeNull();
  });

  it('shows how the newest run ended, and nothing of it once the next one starts', () => {
    expect(viewOf(historyTo('backoff'))).toMatchObject({
      exitCode: 1,
      signal: null,
      restarts: 0,
      startedAt: AT,
      finishedAt: AT,
      nextStartAt: new Date(T + 1_000).toISOString(),
    });
    const exited = fact('TaskExited', { ...EXIT_0, exitCode: null, signal: 'SIGKILL' });
    expect(viewOf([...historyTo('running'), exited])).toMatchObject({
      exitCode: null,
      signal: 'SIGKILL',
    });
    expect(viewOf(historyTo('running'))).toMatchObject({ finishedAt: null, nextStartAt: null });
  });

  it('counts a restart when its run begins, and none that a stop came before', () => {
    const waiting = historyTo('backoff');
    const prestart = [...waiting, fact('RestartDelayElapsed', {})];
    const [starting] = historyTo('starting').filter(({ type }) => type === 'RunStarting');
    const again = [...prestart, { ...(starting as TaskEvent), run: 2 }];
    expect([waiting, prestart, again].map((events) => viewOf(events).restarts)).toEqual([0, 0, 1]);
    const stopped = [...waiting, killing(), fact('TaskKilled', { reason: 'asked to' })];
    expect(viewOf(stopped)).toMatchObject({ state: 'stopped', run: 1, restarts: 0 });
  });

  it('says in words that a run was out of memory, also while it is started again', () => {
    const exit = { ...EXIT_1, exitCode: null, signal: 'SIGKILL', oomKilled: true };
    const exited = [...historyTo('running'), fact('TaskExited', exit)];
    const [restarting] = historyTo('backoff').filter(({ type }) => type === 'TaskRestarting');
    const cause = 'out of memory (ended by SIGKILL)';
    expect(viewOf(exited)).toMatchObject({ oomKilled: true, reason: cause });
    const again = [...exited, restarting as TaskEvent];
    expect(viewOf(again)).toMatchObject({ state: 'backoff', oomKilled: true });
    expect(viewOf(again).reason).toMatch(`${cause}: `);
    const over = fact('TaskNotRestarting', { outcome: 'failed', reason: 'why' });
    expect(viewOf([...exited, over]).reason).toBe(`${cause}: why`);
    const ofShell = fact('TaskExited', { ...EXIT_1, exitCode: 137, oomKilled: true });
    const failed = [...historyTo('running'), ofShell, over];
    expect(viewOf(failed).reason).toBe('out of memory (exit code 137): why');
  });

  it('gives no exit code for a run that was lost', () => {
    const lost = fact('TaskLost', { reason: 'gone', maybeRan: true });
    expect(viewOf([...historyTo('running'), lost])).toMatchObject({
      exitCode: null,
      signal: null,
      reason: 'gone',
    });
  });

  it('says that a task is stuck until it is over', () => {
    const stuck = [...historyTo('killing'), fact('TaskStuck', { message: 'pid 42 lives' })];
    expect(viewOf(stuck)).toMatchObject({ state: 'stuck', reason: 'pid 42 lives', pid: 42 });
    const over = [
      ...stuck,
      fact('TaskExited', EXIT_1),
      fact('TaskKilled', { reason: 'asked to' }),
      fact('CleanupCompleted', {}),
    ];
    expect(viewOf(over)).toMatchObject({ state: 'stopped' });
  });

  it('says what is known of a task without events and of one that cannot be read', () => {
    expect(taskView(PLACE, undefined)).toMatchObject({ state: 'pending', run: 0, position: 0 });
    expect(taskView(PLACE, 'the events of this task cannot be read')).toMatchObject({
      state: 'unknown',
      reason: 'the events of this task cannot be read',
    });
  });
});
