/** The sentences of an alloc of prestart and main tasks. Those of the others stand in `alloc-gates.test.ts`. */
import { describe, expect, it } from 'vitest';
import { allocSubject, given } from '../../src/testing/index.ts';
import type { AllocMessage, TaskStanding } from '../../src/machines/alloc-messages.ts';
import type { AllocEvent } from '../../src/events/alloc-event.ts';
import { allocFact, allocSpec, standing, taskSpec } from './stories.ts';

const alloc = allocSubject();
const SPEC = allocSpec(taskSpec({ name: 'seed', gate: 'prestart' }), taskSpec());

const receivedAlloc = allocFact('AllocReceived', {
  name: 'shop',
  spec: SPEC,
  specHash: 'h1',
  recovered: false,
});
const opened = allocFact('AllocGateOpened', { gate: 'main' });
const stopping = (isWished: boolean): AllocEvent =>
  allocFact('AllocStopping', { reason: 'enough', isWished });
const HISTORIES: Readonly<Record<string, readonly AllocEvent[]>> = {
  pending: [],
  prestart: [receivedAlloc],
  main: [receivedAlloc, opened],
  stopping: [receivedAlloc, opened, stopping(true)],
  'stopping after a failure': [receivedAlloc, opened, stopping(false)],
  stopped: [receivedAlloc, allocFact('AllocStopped', { status: 'stopped', reason: 'enough' })],
  removed: [
    receivedAlloc,
    allocFact('AllocStopped', { status: 'stopped', reason: 'enough' }),
    allocFact('AllocRemoved', {}),
  ],
};
const at = (value: string): readonly AllocEvent[] => HISTORIES[value] ?? [];

function ended(...standings: readonly TaskStanding[]): AllocMessage {
  return { type: 'TasksChanged', standings };
}
const stop: AllocMessage = { type: 'StopAlloc', reason: 'enough' };

describe('the beginning of an alloc', () => {
  const receive = { type: 'ReceiveAlloc', specHash: 'h1', recovered: false } as const;

  it('opens the main gate at once when no task comes before', () => {
    given(alloc, [])
      .when({ ...receive, spec: allocSpec() })
      .thenGives({ type: 'AllocReceived' }, { type: 'AllocGateOpened', data: { gate: 'main' } });
  });

  it('keeps the main gate shut while a prestart task is to come', () => {
    const state = given(alloc, [])
      .when({ ...receive, spec: SPEC })
      .thenGives({ type: 'AllocReceived', data: { name: 'shop', specHash: 'h1' } });
    expect(state.value).toBe('prestart');
  });

  it('is accepted once', () => {
    given(alloc, at('main'))
      .when({ ...receive, spec: SPEC })
      .thenRejects('ALREADY_EXISTS');
  });

  it('opens the main gate when every prestart task is complete', () => {
    given(alloc, at('prestart'))
      .when(ended(standing('seed', 'complete'), standing('web')))
      .thenGives({ type: 'AllocGateOpened', data: { gate: 'main' } });
  });

  it('waits for a prestart task that is not over', () => {
    given(alloc, at('prestart'))
      .when(ended(standing('seed'), standing('web')))
      .thenNothing();
  });

  it('ends when a prestart task was stopped', () => {
    given(alloc, at('prestart'))
      .when(ended(standing('seed', 'stopped'), standing('web')))
      .thenGives({
        type: 'AllocStopping',
        data: { reason: 'Prestart task "seed" did not complete: because', isWished: false },
      });
  });
});

describe('the end of an alloc', () => {
  it.each(['failed', 'lost'] as const)('comes with the first task that is %s', (outcome) => {
    given(alloc, at('main'))
      .when(ended(standing('seed', 'complete'), standing('web', outcome)))
      .thenGives({
        type: 'AllocStopped',
        data: { status: outcome, reason: 'web: because' },
      });
    given(alloc, at('main'))
      .when(ended(standing('seed', outcome), standing('web')))
      .thenGives({
        type: 'AllocStopping',
        data: { reason: `Task's sibling "seed" failed: because`, isWished: false },
      });
  });

  it('does not come while a sibling of a completed task runs', () => {
    given(alloc, at('main'))
      .when(ended(standing('seed', 'complete'), standing('web')))
      .thenNothing();
    given(alloc, at('stopping'))
      .when(ended(standing('seed', 'failed'), standing('web')))
      .thenNothing();
  });

  it.each([
    [['complete', 'complete'], 'complete', 'All tasks have completed'],
    [['complete', 'stopped'], 'stopped', 'enough'],
    [['lost', 'stopped'], 'lost', 'seed: because'],
    [['lost', 'failed'], 'failed', 'web: because'],
    [['failed', 'stopped'], 'failed', 'seed: because'],
  ] as const)('rolls the outcomes %j up to %s', ([first, second], status, reason) => {
    given(alloc, at('stopping'))
      .when(ended(standing('seed', first), standing('web', second)))
      .thenGives({ type: 'AllocStopped', data: { status, reason } });
  });

  it('is news once', () => {
    given(alloc, at('stopped'))
      .when(ended(standing('web', 'failed')))
      .thenNothing();
  });

  it.each(['prestart', 'main', 'stopping after a failure'])('can be wished for in %s', (value) => {
    const state = given(alloc, at(value))
      .when(stop)
      .thenGives({ type: 'AllocStopping', data: { reason: 'enough', isWished: true } });
    expect(state.context.isStopWished).toBe(true);
  });

  it.each(['pending', 'stopping', 'stopped', 'removed'])(
    'wished for in %s is nothing new',
    (value) => {
      given(alloc, at(value)).when(stop).thenNothing();
    },
  );

  it('wished for before the main gate ends with its tasks', () => {
    given(alloc, at('prestart'))
      .when(ended(standing('seed', 'failed'), standing('web', 'stopped')))
      .thenGives({ type: 'AllocStopped', data: { status: 'failed' } });
  });
});
