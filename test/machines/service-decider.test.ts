import { describe, expect, it } from 'vitest';
import type { CheckStatus } from '../../src/events/task-event.ts';
import type { TaskMessage } from '../../src/machines/task-messages.ts';
import { standingServices } from '../../src/machines/task-state.ts';
import { given, taskSubject } from '../../src/testing/index.ts';
import { EXIT_0, fact, historyTo, killing, LAUNCH, PROCESS, SERVICE, served } from './stories.ts';

const task = taskSubject();
const register = (more: object = {}, run = 1): TaskMessage => ({
  type: 'RegisterService',
  run,
  service: { ...SERVICE, ...more },
});
const report = (status: CheckStatus, run = 1): TaskMessage => ({
  type: 'ReportCheck',
  run,
  check: 'alive',
  status,
  output: `it is ${status}`,
});
const changed = (status: CheckStatus) =>
  fact('CheckChanged', { check: 'alive', status, output: '' });

describe('a service', () => {
  it('that is known so is not recorded again, whatever the order of its facts', () => {
    const { tags, meta, ...rest } = SERVICE;
    given(task, [...historyTo('running'), served()])
      .when(register())
      .thenNothing();
    given(task, [...historyTo('running'), served()])
      .when({ type: 'RegisterService', run: 1, service: { meta, tags, ...rest } })
      .thenNothing();
  });

  it('that is reached otherwise is recorded again, and the later fact holds', () => {
    const state = given(task, [...historyTo('running'), served()])
      .when(register({ port: 81 }))
      .thenGives({ type: 'ServiceRegistered', data: { service: 'web', port: 81 } });
    expect(standingServices(state.context)).toMatchObject([{ port: 81 }]);
  });

  it('that the group has no more is taken back while its program runs on, and may return', () => {
    const others = (hook: string, kept: readonly string[]): TaskMessage => ({
      type: 'WithdrawOthers',
      run: 1,
      hook,
      kept,
      reason: 'the alloc was updated',
    });
    const events = [
      ...historyTo('running'),
      served(),
      served({ service: 'admin' }),
      served({ service: 'own', hook: 'mine' }),
    ];
    const data = { service: 'admin', reason: 'the alloc was updated', mayReturn: true };
    given(task, events)
      .when(others('services', ['web']))
      .thenGives({ type: 'ServiceDeregistered', data });
    given(task, events)
      .when(others('mine', []))
      .thenGives({ type: 'ServiceDeregistered', data: { service: 'own' } });
    given(task, [...events, fact('ServiceDeregistered', data)])
      .when(register({ service: 'admin' }))
      .thenGives({ type: 'ServiceRegistered', data: { service: 'admin' } });
  });

  it('of the group that is being ended does not return', () => {
    const gone = fact('ServiceDeregistered', { service: 'web', reason: 'asked to' });
    given(task, [...historyTo('running'), served(), gone])
      .when(register())
      .thenNothing();
  });

  it('of an earlier run is nobody any more', () => {
    given(task, historyTo('running')).when(register({}, 0)).thenNothing();
  });

  it('is taken back before the kill that ends its program, with the reason of the kill', () => {
    const events = [...historyTo('running'), served(), served({ service: 'admin' })];
    const state = given(task, events)
      .when({ type: 'RestartTask', reason: 'unhealthy', isCounted: true })
      .thenGives(
        { type: 'ServiceDeregistered', data: { service: 'web', reason: 'unhealthy' } },
        { type: 'ServiceDeregistered', data: { service: 'admin', reason: 'unhealthy' } },
        { type: 'TaskKilling' },
      );
    expect(standingServices(state.context)).toEqual([]);
  });

  it('is taken back once: a kill that is said again says nothing of it', () => {
    const gone = fact('ServiceDeregistered', { service: 'web', reason: 'asked to' });
    given(task, [...historyTo('running'), served(), gone, killing('restart')])
      .when({ type: 'StopTask', reason: 'enough' })
      .thenGives({ type: 'TaskKilling' });
  });

  it('of the group is taken back alone when the group begins to end, and stays so in this run', () => {
    const events = [...historyTo('running'), served(), served({ service: 'all', isGroups: true })];
    const withdraw: TaskMessage = { type: 'WithdrawServices', reason: 'the group ends' };
    const state = given(task, events)
      .when(withdraw)
      .thenGives({ type: 'ServiceDeregistered', data: { service: 'all' } });
    expect(standingServices(state.context)).toMatchObject([{ service: 'web' }]);
    const gone = fact('ServiceDeregistered', { service: 'all', reason: 'the group ends' });
    given(task, [...events, gone])
      .when(withdraw)
      .thenNothing();
    given(task, [...events, gone])
      .when(register({ service: 'all', isGroups: true }))
      .thenNothing();
  });

  it('and what checks said are forgotten when the next run begins', () => {
    const next = [
      fact('ServiceDeregistered', { service: 'web', reason: 'the program ended' }),
      fact('TaskExited', EXIT_0),
      fact('TaskRestarting', {
        attempt: 1,
        at: 0,
        delayMs: 0,
        reason: '',
        isCounted: true,
        intervalStart: 0,
      }),
      fact('RestartDelayElapsed', {}),
      fact('PrestartCompleted', {}),
      fact('RunStarting', LAUNCH, 2),
      fact('TaskStarted', PROCESS, 2),
    ];
    const events = [...historyTo('running'), served(), changed('critical'), ...next];
    given(task, events).when(register({}, 2)).thenGives({ type: 'ServiceRegistered', run: 2 });
    const state = given(task, events)
      .when(report('critical', 2))
      .thenGives({ type: 'CheckChanged', run: 2 });
    expect(state.context.checks).toMatchObject({ alive: { status: 'critical' } });
  });
});

describe('a check', () => {
  it('is recorded when it says something else than before, with what it said before', () => {
    const events = [...historyTo('running'), changed('passing')];
    given(task, events).when(report('passing')).thenNothing();
    given(task, events)
      .when(report('critical'))
      .thenGives({
        type: 'CheckChanged',
        data: { status: 'critical', before: 'passing', output: 'it is critical' },
      });
  });

  it('says nothing of a program that is being ended', () => {
    given(task, historyTo('killing')).when(report('critical')).thenNothing();
  });
});
