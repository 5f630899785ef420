/** The sentences of an alloc with tasks of every kind: gates, who ends whom, beginning anew; each edge of its chart. */
import { describe, expect, it } from 'vitest';
import { allocSubject, given, unwalkedEdges } from '../../src/testing/index.ts';
import type { AllocMessage, TaskStanding } from '../../src/machines/alloc-messages.ts';
import type { AllocEvent } from '../../src/events/alloc-event.ts';
import { allocFact, allocSpec, standing, T, taskSpec, waiting } from './stories.ts';

const alloc = allocSubject();

const SEED = taskSpec({ name: 'seed', gate: 'prestart' });
const PROXY = taskSpec({ name: 'proxy', gate: 'prestart', isSidecar: true });
const WEB = taskSpec({ name: 'web' });
const HELLO = taskSpec({ name: 'hello', gate: 'poststart' });
const WATCH = taskSpec({ name: 'watch', gate: 'poststart', isSidecar: true });
const BYE = taskSpec({ name: 'bye', gate: 'poststop' });
const SPEC = allocSpec(SEED, PROXY, WEB, HELLO, WATCH, BYE);
const LEAD = allocSpec(taskSpec({ name: 'lead', isLeader: true }), WEB, BYE);

const received = (spec = SPEC, more = {}): AllocEvent =>
  allocFact('AllocReceived', { name: 'shop', spec, specHash: 'h1', recovered: false, ...more });
const mainOpened = allocFact('AllocGateOpened', { gate: 'main' });
const poststart = allocFact('AllocPoststartOpened', {});
const poststop = allocFact('AllocPoststopOpened', {});
const restarting = allocFact('AllocRestarting', { reason: 'again' });
const restarted = allocFact('AllocRestarted', {});
const stopping = (more = {}): AllocEvent =>
  allocFact('AllocStopping', { reason: 'enough', isWished: true, ...more });

function to(value: string, spec = SPEC, more = {}): readonly AllocEvent[] {
  const main = [received(spec, more), mainOpened];
  const histories: Readonly<Record<string, readonly AllocEvent[]>> = {
    pending: [],
    waiting: [received(spec, more), allocFact('AllocReplacing', { predecessor: 'a0' })],
    prestart: [received(spec, more)],
    main,
    poststart: [...main, poststart],
    poststop: [...main, poststop],
    stopping: [...main, stopping()],
    'poststop after a stop': [...main, stopping(), poststop],
    'stopping after poststop': [...main, stopping(), poststop, stopping()],
    restarting: [...main, restarting],
    restarted: [...main, restarting, restarted],
    stopped: [...main, allocFact('AllocStopped', { status: 'complete', reason: 'done' })],
  };
  return histories[value] ?? [];
}

function changed(...standings: readonly TaskStanding[]): AllocMessage {
  return { type: 'TasksChanged', standings };
}
const BEFORE = [standing('seed', 'complete'), standing('proxy')];
const AFTER = [waiting('hello'), waiting('watch'), waiting('bye')];

describe('the gates of an alloc', () => {
  it('open for the main tasks when every prestart sidecar runs and the others are complete', () => {
    given(alloc, to('prestart'))
      .when(changed(...BEFORE, waiting('web'), ...AFTER))
      .thenGives({ type: 'AllocGateOpened', data: { gate: 'main' } });
    const starting = { isRunning: false, hasStarted: false };
    const early = standing('proxy', undefined, '', starting);
    given(alloc, to('prestart'))
      .when(changed(standing('seed', 'complete'), early, waiting('web'), ...AFTER))
      .thenNothing();
    given(alloc, to('prestart'))
      .when(changed(standing('seed'), standing('proxy'), waiting('web'), ...AFTER))
      .thenNothing();
  });

  it('stay shut when a prestart sidecar has ended before', () => {
    given(alloc, to('prestart'))
      .when(changed(standing('seed'), standing('proxy', 'complete'), waiting('web'), ...AFTER))
      .thenGives({
        type: 'AllocStopping',
        data: {
          reason: 'Prestart sidecar "proxy" ended before the main tasks began: because',
          cause: 'sibling',
          task: 'proxy',
        },
      });
  });

  it('open for poststart when no main task is before its first start', () => {
    given(alloc, to('main'))
      .when(changed(...BEFORE, standing('web'), ...AFTER))
      .thenGives({ type: 'AllocPoststartOpened' });
    const backingOff = { isRunning: false, hasStarted: false };
    given(alloc, to('main'))
      .when(changed(...BEFORE, standing('web', undefined, '', backingOff), ...AFTER))
      .thenNothing();
  });

  it('open for poststart when the main tasks were over before anybody looked', () => {
    given(alloc, to('main'))
      .when(changed(...BEFORE, standing('web', 'complete'), ...AFTER))
      .thenGives({ type: 'AllocPoststartOpened' });
  });

  it('do not open for poststart where there is none, nor twice', () => {
    given(alloc, to('main', LEAD))
      .when(changed(standing('lead'), standing('web'), waiting('bye')))
      .thenNothing();
    given(alloc, to('poststart'))
      .when(
        changed(...BEFORE, standing('web'), standing('hello'), standing('watch'), waiting('bye')),
      )
      .thenNothing();
  });

  it.each(['main', 'poststart'])('open for poststop from %s when all others are over', (value) => {
    const others = [SEED, PROXY, WEB, HELLO, WATCH].map(({ name }) => standing(name, 'complete'));
    const state = given(alloc, to(value))
      .when(changed(...others, waiting('bye')))
      .thenGives({ type: 'AllocPoststopOpened' });
    expect(state.context.isPoststopOpen).toBe(true);
  });

  it('open one after the other where nothing is between the first and the last', () => {
    given(alloc, to('prestart', allocSpec(SEED, BYE)))
      .when(changed(standing('seed', 'complete'), waiting('bye')))
      .thenGives({ type: 'AllocGateOpened' }, { type: 'AllocPoststopOpened' });
  });

  it('open for poststop after a stop, once', () => {
    const over = [SEED, PROXY, WEB, HELLO, WATCH].map(({ name }) => standing(name, 'stopped'));
    given(alloc, to('stopping'))
      .when(changed(...over, waiting('bye')))
      .thenGives({ type: 'AllocPoststopOpened' });
    given(alloc, to('stopping'))
      .when(changed(...over.slice(1), standing('seed'), waiting('bye')))
      .thenNothing();
    given(alloc, to('stopping after poststop'))
      .when(changed(...over, standing('bye')))
      .thenNothing();
  });

  it('behind poststop lead to the end', () => {
    const over = [SEED, PROXY, WEB, HELLO, WATCH].map(({ name }) => standing(name, 'complete'));
    given(alloc, to('poststop'))
      .when(changed(...over, standing('bye')))
      .thenNothing();
    given(alloc, to('poststop'))
      .when(changed(...over, standing('bye', 'complete')))
      .thenGives({ type: 'AllocStopped', data: { status: 'complete' } });
    given(alloc, to('poststop'))
      .when(changed(...over, standing('bye', 'failed')))
      .thenGives({ type: 'AllocStopped', data: { status: 'failed', reason: 'bye: because' } });
  });
});

describe('tasks that end others', () => {
  it('are the leader, before any failure', () => {
    given(alloc, to('main', LEAD))
      .when(changed(standing('lead', 'complete'), standing('web', 'failed'), waiting('bye')))
      .thenGives({ type: 'AllocPoststopOpened' });
    given(alloc, to('main', allocSpec(...LEAD.tasks, PROXY)))
      .when(
        changed(
          standing('lead', 'complete'),
          standing('web', 'failed'),
          waiting('bye'),
          standing('proxy'),
        ),
      )
      .thenGives({
        type: 'AllocStopping',
        data: {
          reason: 'Leader Task in Group dead',
          cause: 'leader',
          task: 'lead',
          isWished: false,
        },
      });
  });

  it('are all that have work of their own, when only sidecars are left', () => {
    const rest = [standing('hello', 'complete'), standing('watch'), waiting('bye')];
    given(alloc, to('poststart'))
      .when(changed(...BEFORE, standing('web', 'complete'), ...rest))
      .thenGives({
        type: 'AllocStopping',
        data: { reason: 'Main tasks in the group died', cause: 'mains', isWished: false },
      });
  });

  it('wait for the shutdown delay of the group', () => {
    const patient = { ...LEAD, shutdownDelayMs: 3_000 };
    given(alloc, to('main', patient))
      .when(changed(standing('lead', 'complete'), standing('web'), waiting('bye')))
      .thenGives({ type: 'AllocStopping', data: { killAt: T + 3_000 } });
  });

  it('do not make a group stopped that nobody stopped', () => {
    const byLeader = [
      ...to('main', LEAD),
      stopping({ isWished: false, cause: 'leader' }),
      poststop,
    ];
    const end = changed(
      standing('lead', 'complete'),
      standing('web', 'stopped'),
      standing('bye', 'complete'),
    );
    given(alloc, byLeader)
      .when(end)
      .thenGives({ type: 'AllocStopped', data: { status: 'complete' } });
    const byHand = changed(
      standing('lead', 'stopped'),
      standing('web', 'stopped'),
      standing('bye', 'complete'),
    );
    given(alloc, byLeader)
      .when(byHand)
      .thenGives({ type: 'AllocStopped', data: { status: 'stopped' } });
  });
});

describe('a stop with a shutdown delay', () => {
  const patient = { ...SPEC, shutdownDelayMs: 3_000 };
  const waits = [...to('main', patient), stopping({ killAt: T + 3_000 })];

  it('says when the first task is ended', () => {
    given(alloc, to('main', patient))
      .when({ type: 'StopAlloc', reason: 'enough' })
      .thenGives({ type: 'AllocStopping', data: { killAt: T + 3_000, isWished: true } });
  });

  it('can be hurried, from the beginning and later', () => {
    const hurried: AllocMessage = { type: 'StopAlloc', reason: 'now', isHurried: true };
    for (const history of [to('main', patient), waits]) {
      const { context } = given(alloc, history).when(hurried).thenGives({ type: 'AllocStopping' });
      expect(context).toMatchObject({ isHurried: true, killAt: undefined });
    }
    given(alloc, [...waits, stopping({ isHurried: true })])
      .when(hurried)
      .thenNothing();
  });

  it('is somebody’s wish when it was a failure’s before, and keeps its time', () => {
    const failing = [
      ...to('main', patient),
      stopping({ isWished: false, cause: 'sibling', killAt: T + 1_000 }),
    ];
    const { context } = given(alloc, failing)
      .when({ type: 'StopAlloc', reason: 'enough' })
      .thenGives({ type: 'AllocStopping', data: { isWished: true, killAt: T + 1_000 } });
    expect(context.cause).toBeUndefined();
  });

  it('asked for again is the same, also behind poststop, unless it is hurried', () => {
    const again: AllocMessage = { type: 'StopAlloc', reason: 'enough' };
    given(alloc, to('poststop after a stop')).when(again).thenNothing();
    const hurried: AllocMessage = { ...again, isHurried: true };
    given(alloc, to('poststop after a stop'))
      .when(hurried)
      .thenGives({ type: 'AllocStopping', data: { isHurried: true } });
    const quick = [...to('main'), stopping({ isHurried: true }), poststop];
    given(alloc, quick).when(hurried).thenGives({ type: 'AllocStopping' });
    given(alloc, [...quick, stopping({ isHurried: true })])
      .when(hurried)
      .thenNothing();
  });

  it('ends poststop tasks when they have begun already, without the delay', () => {
    const over = [SEED, PROXY, WEB, HELLO, WATCH].map(({ name }) => standing(name, 'complete'));
    const again = { type: 'StopAlloc', reason: 'enough' } as const;
    const { context } = given(alloc, to('poststop', patient))
      .when(again)
      .thenGives({ type: 'AllocStopping' });
    expect(context.killAt).toBeUndefined();
    given(alloc, to('stopping after poststop'))
      .when(changed(...over, standing('bye', 'stopped')))
      .thenGives({ type: 'AllocStopped', data: { status: 'stopped' } });
  });
});

describe('the longest that an alloc may run', () => {
  const elapsed: AllocMessage = { type: 'DurationElapsed' };

  it('is a moment of the steady clock', () => {
    const spec = { ...SPEC, maxRunDurationMs: 60_000 };
    given(alloc, [])
      .when({ type: 'ReceiveAlloc', spec, specHash: 'h', recovered: false }, { now: 5, steady: T })
      .thenGives({ type: 'AllocReceived', data: { runUntil: T + 60_000 } });
  });

  it('goes on for an alloc that was accepted before its store was lost', () => {
    const spec = { ...SPEC, maxRunDurationMs: 60_000 };
    const again = { type: 'ReceiveAlloc', spec, specHash: 'h', recovered: true } as const;
    given(alloc, [])
      .when({ ...again, acceptedAt: T - 50_000 }, { now: 5, steady: T })
      .thenGives({ type: 'AllocReceived', data: { runUntil: T + 10_000 } });
  });

  it.each(['prestart', 'main', 'poststart', 'restarting', 'stopping', 'poststop'])(
    'ends it in %s',
    (value) => {
      given(alloc, to(value))
        .when(elapsed)
        .thenGives({
          type: 'AllocStopping',
          data: { reason: 'allocation exceeded max_run_duration', cause: 'duration' },
        });
    },
  );

  it('is told once, and not of what has ended', () => {
    const overtime = stopping({ cause: 'duration', isWished: false });
    given(alloc, [...to('main'), overtime])
      .when(elapsed)
      .thenNothing();
    given(alloc, to('stopped')).when(elapsed).thenNothing();
  });

  it('leaves nothing to poststop, and counts as complete', () => {
    const reason = 'allocation exceeded max_run_duration';
    const events = [...to('main'), stopping({ cause: 'duration', isWished: false, reason })];
    const over = [SEED, PROXY, WEB, HELLO, WATCH].map(({ name }) => standing(name, 'stopped'));
    given(alloc, events)
      .when(changed(...over, waiting('bye')))
      .thenNothing();
    given(alloc, events)
      .when(changed(...over, standing('bye', 'stopped')))
      .thenGives({ type: 'AllocStopped', data: { status: 'complete', reason } });
  });

  it('does not take a stop from whoever wished it', () => {
    const state = given(alloc, to('stopping')).when(elapsed).thenGives({ type: 'AllocStopping' });
    expect(state.context).toMatchObject({ isStopWished: true, cause: 'duration' });
  });
});

describe('an alloc that is begun anew', () => {
  const again: AllocMessage = { type: 'RestartAlloc', reason: 'again' };
  const names = SPEC.tasks.map(({ name }) => name);
  const still = [...names.slice(0, 5).map((name) => standing(name, 'stopped')), waiting('bye')];

  it.each(['prestart', 'main', 'poststart'])('is restarting from %s', (value) => {
    given(alloc, to(value)).when(again).thenGives({ type: 'AllocRestarting' });
  });

  it('is not, once its end has begun', () => {
    for (const value of ['pending', 'stopping', 'poststop', 'stopped']) {
      given(alloc, to(value)).when(again).thenRejects('WRONG_STATE');
    }
    given(alloc, to('restarting')).when(again).thenNothing();
  });

  it('waits until all stand still, whatever became of them, and opens its first gate', () => {
    for (const last of [standing('watch'), waiting('watch')]) {
      given(alloc, to('restarting'))
        .when(changed(...still.slice(0, 4), last, waiting('bye')))
        .thenNothing();
    }
    const state = given(alloc, to('restarting'))
      .when(changed(...still.slice(0, 4), standing('watch', 'failed'), waiting('bye')))
      .thenGives({ type: 'AllocRestarted' });
    expect(state).toMatchObject({ value: 'prestart', context: { restarts: 1, reason: '' } });
  });

  it('opens the main gate at once where no task comes before', () => {
    given(alloc, to('restarting', LEAD))
      .when(changed(standing('lead', 'stopped'), standing('web', 'failed'), waiting('bye')))
      .thenGives({ type: 'AllocRestarted' }, { type: 'AllocGateOpened' });
  });

  it('is not judged by what became of its tasks before', () => {
    given(alloc, to('restarted'))
      .when(changed(...still))
      .thenNothing();
    given(alloc, [...to('restarted'), mainOpened])
      .when(changed(...still))
      .thenNothing();
    const revived = { revival: 1 };
    const ready = [
      standing('seed', 'complete', '', revived),
      standing('proxy', undefined, '', revived),
      ...still.slice(2),
    ];
    given(alloc, to('restarted'))
      .when(changed(...ready))
      .thenGives({ type: 'AllocGateOpened' });
  });

  it('can be stopped meanwhile: what was said before a restart is no end after it', () => {
    given(alloc, to('restarting')).when({ type: 'StopAlloc', reason: 'enough' }).thenGives({
      type: 'AllocStopping',
    });
    const ending = [...to('restarted'), stopping()];
    given(alloc, ending)
      .when(changed(...still))
      .thenNothing();
    const revived = { revival: 1 };
    const over = names.slice(0, 5).map((name) => standing(name, 'stopped', '', revived));
    given(alloc, ending)
      .when(changed(...over, { ...waiting('bye'), ...revived }))
      .thenGives({ type: 'AllocPoststopOpened' });
  });
});

describe('the chart of an alloc', () => {
  it('has an edge for every decision', () => {
    given(alloc, to('stopped')).when({ type: 'RemoveAlloc' }).thenGives({ type: 'AllocRemoved' });
    given(alloc, [...to('stopped'), allocFact('AllocRemoved', { rule: 'age' })])
      .when({ type: 'RemovalFailed', reason: 'busy' })
      .thenGives({ type: 'AllocRemovalFailed', data: { reason: 'busy' } });
    given(alloc, to('prestart', allocSpec(SEED)))
      .when(changed(standing('seed', 'complete')))
      .thenGives({ type: 'AllocStopped' });
    given(alloc, to('main', allocSpec(WEB)))
      .when(changed(standing('web', 'complete')))
      .thenGives({ type: 'AllocStopped' });
    given(alloc, to('poststart', allocSpec(WEB, HELLO)))
      .when(changed(standing('web', 'complete'), standing('hello', 'complete')))
      .thenGives({ type: 'AllocStopped' });
    const update = { specHash: 'h2', from: 1, changes: [], beginsAnew: false } as const;
    for (const value of ['waiting', 'prestart', 'main', 'poststart', 'restarting']) {
      given(alloc, to(value))
        .when({ type: 'UpdateAlloc', spec: SPEC, ...update })
        .thenGives({ type: 'AllocUpdated', data: { version: 2 } });
    }
    given(alloc, [])
      .when({ type: 'ReceiveAlloc', spec: SPEC, specHash: 'h1', recovered: false, replaces: 'a0' })
      .thenGives(
        { type: 'AllocReceived' },
        { type: 'AllocReplacing', data: { predecessor: 'a0' } },
      );
    given(alloc, to('waiting'))
      .when({ type: 'PredecessorEnded' })
      .thenGives({ type: 'AllocReplaced' });
    given(alloc, to('waiting'))
      .when({ type: 'StopAlloc', reason: 'enough' })
      .thenGives({ type: 'AllocStopping' });
    expect(unwalkedEdges(alloc)).toEqual([]);
  });
});
