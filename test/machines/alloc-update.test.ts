/** What an alloc makes of an update: who is touched by it, who leaves, and who has the last word. */
import { describe, expect, it } from 'vitest';
import { allocSubject, given } from '../../src/testing/index.ts';
import type { AllocEvent } from '../../src/events/alloc-event.ts';
import type { AllocMessage, TaskStanding, UpdateAlloc } from '../../src/machines/alloc-messages.ts';
import { allocFact, allocSpec, standing, T, taskSpec, waiting } from './stories.ts';

const alloc = allocSubject();
const WEB = taskSpec({ name: 'web' });
const SIDE = taskSpec({ name: 'side', isSidecar: true });
const OLD = taskSpec({ name: 'old', isLeader: true });
const BYE = taskSpec({ name: 'bye', gate: 'poststop' });

const received = (more = {}): readonly AllocEvent[] => [
  allocFact('AllocReceived', {
    name: 'shop',
    spec: allocSpec(WEB, SIDE, OLD),
    specHash: 'h1',
    recovered: false,
    ...more,
  }),
  allocFact('AllocGateOpened', { gate: 'main' }),
];
const wish = (more: Partial<UpdateAlloc> = {}): UpdateAlloc => ({
  type: 'UpdateAlloc',
  spec: allocSpec(WEB, SIDE),
  specHash: 'h2',
  from: 1,
  changes: [
    { task: 'web', action: 'restart' },
    { task: 'side', action: 'in-place' },
    { task: 'old', action: 'remove' },
  ],
  beginsAnew: false,
  ...more,
});
const changed = (...standings: readonly TaskStanding[]): AllocMessage => ({
  type: 'TasksChanged',
  standings,
});

describe('an update', () => {
  it('counts versions, and remembers who was touched by which and who has to go', () => {
    const { context } = given(alloc, received())
      .when(wish())
      .thenGives({ type: 'AllocUpdated', data: { version: 2, specHash: 'h2' } });
    expect(context).toMatchObject({
      version: 2,
      specHash: 'h2',
      touched: {
        web: { version: 2, restartVersion: 2 },
        side: { version: 2, restartVersion: 0 },
      },
      removedTasks: [{ name: 'old' }],
    });
    const facts = {
      spec: allocSpec(WEB, SIDE),
      specHash: 'h2',
      version: 2,
      changes: wish().changes,
    };
    const again = wish({
      specHash: 'h3',
      from: 2,
      changes: [{ task: 'web', action: 'in-place' }],
    });
    const after = given(alloc, [...received(), allocFact('AllocUpdated', facts)])
      .when(again)
      .thenGives({ type: 'AllocUpdated', data: { version: 3 } });
    expect(after.context.touched?.['web']).toEqual({ version: 3, restartVersion: 2 });
    expect(after.context.removedTasks).toHaveLength(1);
  });

  it('that is said again changes nothing, whatever it was planned for', () => {
    given(alloc, received())
      .when(wish({ specHash: 'h1', from: 7 }))
      .thenNothing();
  });

  it('is refused when it was planned for something else, or comes too late', () => {
    given(alloc, received())
      .when(wish({ from: 2 }))
      .thenRejects('VERSION_CONFLICT');
    const stopping = allocFact('AllocStopping', { reason: 'enough', isWished: true });
    given(alloc, [...received(), stopping])
      .when(wish())
      .thenRejects('WRONG_STATE');
    given(alloc, []).when(wish()).thenRejects('WRONG_STATE');
  });

  it('that changes what comes first begins the alloc anew in the same step', () => {
    given(alloc, received())
      .when(wish({ beginsAnew: true }))
      .thenGives({ type: 'AllocUpdated' }, { type: 'AllocRestarting' });
    const restarting = allocFact('AllocRestarting', { reason: 'again' });
    given(alloc, [...received(), restarting])
      .when(wish({ beginsAnew: true }))
      .thenGives({ type: 'AllocUpdated' });
  });

  it('moves the end of a limited alloc, from its acceptance where that is known', () => {
    const limited = (maxRunDurationMs: number): UpdateAlloc['spec'] => ({
      ...allocSpec(WEB),
      maxRunDurationMs,
    });
    given(alloc, received({ spec: limited(1_000), runUntil: T - 400 }))
      .when(wish({ spec: limited(5_000) }))
      .thenGives({ type: 'AllocUpdated', data: { runUntil: T + 3_600 } });
    given(alloc, received())
      .when(wish({ spec: limited(5_000) }))
      .thenGives({ type: 'AllocUpdated', data: { runUntil: T + 5_000 } });
    const { context } = given(alloc, received({ spec: limited(1_000), runUntil: T }))
      .when(wish())
      .thenGives({ type: 'AllocUpdated' });
    expect(context.runUntil).toBeUndefined();
  });
});

describe('a task that an update removed', () => {
  const updated = (spec = allocSpec(WEB, SIDE)): readonly AllocEvent[] => [
    ...received(),
    allocFact('AllocUpdated', {
      spec,
      specHash: 'h2',
      version: 2,
      changes: [{ task: 'old', action: 'remove' }],
    }),
  ];

  it('ends nobody, though it led the group, and fails nobody', () => {
    for (const outcome of ['stopped', 'failed', 'complete'] as const) {
      given(alloc, updated())
        .when(changed(standing('web'), standing('side'), standing('old', outcome)))
        .thenNothing();
    }
  });

  it('keeps the alloc from its end until it is over, and poststop tasks from their beginning', () => {
    const over = [standing('web', 'complete'), standing('side', 'complete')];
    given(alloc, updated())
      .when(changed(...over, standing('old')))
      .thenNothing();
    given(alloc, updated())
      .when(changed(...over, standing('old', 'failed')))
      .thenGives({ type: 'AllocStopped', data: { status: 'complete' } });
    const group = updated(allocSpec(WEB, BYE));
    given(alloc, group)
      .when(changed(standing('web', 'complete'), waiting('bye'), standing('old')))
      .thenNothing();
    given(alloc, group)
      .when(changed(standing('web', 'complete'), waiting('bye'), standing('old', 'stopped')))
      .thenGives({ type: 'AllocPoststopOpened' });
  });

  it('is waited for before the alloc begins anew, and is not begun anew with it', () => {
    const restarting = allocFact('AllocRestarting', { reason: 'again' });
    const over = [standing('web', 'stopped'), standing('side', 'stopped')];
    given(alloc, [...updated(), restarting])
      .when(changed(...over, standing('old')))
      .thenNothing();
    given(alloc, [...updated(), restarting])
      .when(changed(...over, standing('old', 'stopped')))
      .thenGives({ type: 'AllocRestarted' }, { type: 'AllocGateOpened' });
  });
});

describe('an alloc that takes over from another', () => {
  const waitingFor = [
    received()[0] as AllocEvent,
    allocFact('AllocReplacing', { predecessor: 'a0' }),
  ];

  it('opens its first gate when that one is over, and remembers it no more', () => {
    const { context } = given(alloc, waitingFor)
      .when({ type: 'PredecessorEnded' })
      .thenGives({ type: 'AllocReplaced' }, { type: 'AllocGateOpened' });
    expect(context.predecessor).toBeUndefined();
    given(alloc, received()).when({ type: 'PredecessorEnded' }).thenNothing();
  });

  it('does nothing about its tasks before', () => {
    given(alloc, waitingFor)
      .when(changed(waiting('web')))
      .thenNothing();
    given(alloc, waitingFor).when({ type: 'RestartAlloc', reason: 'x' }).thenRejects('WRONG_STATE');
  });
});
