/** The loop that runs hooks: whatever a hook does, the phase has an outcome and nobody else notices. */
import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import type { HookPhase } from '../../src/events/task-event.ts';
import { defineHook, type Hook, type HookDoors, type HookRequest } from '../../src/hooks/hook.ts';
import { runPhase, type PhaseOutcome } from '../../src/hooks/run-phase.ts';
import type { HookResult } from '../../src/machines/task-messages.ts';
import { FakeClock } from '../../src/testing/index.ts';

const request = {} as HookRequest;

function setUp(phase: HookPhase, ...hooks: readonly Hook[]) {
  const clock = new FakeClock();
  const leave = new AbortController();
  const early: (readonly HookResult[])[] = [];
  const outcome: Promise<PhaseOutcome> = runPhase({
    phase,
    hooks,
    requestFor: () => request,
    doorsFor: (_hook, signal) => ({ signal }) as HookDoors,
    keepSecrets: (hook, secrets) =>
      secrets.map(({ name, env = '' }) => ({ name: env, secret: name, hash: `of ${hook.name}` })),
    signal: leave.signal,
    clock,
    onProgress: (results) => void early.push(results),
  });
  outcome.catch(() => undefined);
  return { clock, leave, early, outcome };
}

const quick = (name: string): Hook => defineHook({ name, prestart: async () => undefined });
const throwing = (error: Error): Hook =>
  defineHook({ name: 'bad', prestart: () => Promise.reject(error) });
/** Takes as long as it is told to, and knows whether it was aborted. */
function slow(clock: () => FakeClock, delayMs: number, seen: string[] = []): Hook {
  const prestart: Hook['prestart'] = (_request, { signal }) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => seen.push('aborted'));
      clock().at(clock().now() + delayMs, resolve);
    });
  return defineHook({ name: 'slow', prestart });
}
const names = (results: readonly { hook: string }[]): string[] => results.map(({ hook }) => hook);

describe('a phase', () => {
  it.each(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'EAGAIN'])(
    'that fails for %s may be tried again, and the fault says why',
    async (code) => {
      const error = Object.assign(new Error(`${code}: no more of it`), { code });
      const { faults } = await setUp('prestart', throwing(error)).outcome;
      expect(faults).toMatchObject([{ isRecoverable: true, message: `${code}: no more of it` }]);
    },
  );

  it('runs its hooks in order and gives what they gave', async () => {
    const giving = defineHook({
      name: 'giving',
      prestart: async () => ({ env: { A: '1' }, state: { s: 'x' }, isDone: true }),
    });
    const { outcome } = setUp('prestart', quick('one'), giving);
    expect(await outcome).toEqual({
      faults: [],
      results: [
        { hook: 'one', tookMs: 0, isDone: false, env: [], state: {} },
        {
          hook: 'giving',
          tookMs: 0,
          isDone: true,
          env: [{ name: 'A', value: '1' }],
          state: { s: 'x' },
        },
      ],
    });
  });

  it('leaves out hooks that have nothing to do in it', async () => {
    const { outcome } = setUp('exited', quick('one'));
    expect(await outcome).toEqual({ results: [], faults: [] });
  });

  it('ends with the first failure before a start', async () => {
    const { outcome } = setUp(
      'prestart',
      quick('one'),
      throwing(new Error('broken')),
      quick('two'),
    );
    const { results, faults } = await outcome;
    expect(names(results)).toEqual(['one']);
    expect(faults).toEqual([{ hook: 'bad', tookMs: 0, isRecoverable: false, message: 'broken' }]);
  });

  it('takes a retryable error for one that may pass', async () => {
    const { outcome } = setUp('prestart', throwing(new HoldfastError('LOGMON_LOST', 'gone')));
    expect((await outcome).faults).toMatchObject([{ isRecoverable: true, message: 'gone' }]);
  });

  it('takes a hook that throws before it promises anything for one that fails', async () => {
    const sync = defineHook({
      name: 'sync',
      prestart: () => {
        throw new Error('at once');
      },
    });
    expect((await setUp('prestart', sync).outcome).faults).toMatchObject([{ message: 'at once' }]);
  });

  it('gives every hook its turn where a failure changes nothing', async () => {
    const turns: string[] = [];
    const hook = (name: string): Hook =>
      defineHook({
        name,
        async exited() {
          turns.push(name);
          throw new Error(`${name} is broken`);
        },
      });
    const { faults } = await setUp('exited', hook('one'), hook('two')).outcome;
    expect(turns).toEqual(['one', 'two']);
    expect(names(faults)).toEqual(['one', 'two']);
  });

  it('cleans up backwards, all of it, and records no completion', async () => {
    const turns: string[] = [];
    const hook = (name: string, error?: Error): Hook =>
      defineHook({
        name,
        async cleanup() {
          turns.push(name);
          if (error !== undefined) throw error;
        },
      });
    const { outcome } = setUp('cleanup', hook('one'), hook('two', new Error('no')), hook('three'));
    const { results, faults } = await outcome;
    expect(turns).toEqual(['three', 'two', 'one']);
    expect(names(faults)).toEqual(['two']);
    expect(results).toEqual([]);
  });
});

describe('a hook that never ends', () => {
  const hanging = (seen: string[], timeLimitMs?: number): Hook =>
    defineHook({
      name: 'hanging',
      ...(timeLimitMs === undefined ? {} : { timeLimitMs }),
      prestart: (_request, { signal }) =>
        new Promise(() => signal.addEventListener('abort', () => seen.push('aborted'))),
    });

  it('is given up after the limit of its phase, and told so', async () => {
    const seen: string[] = [];
    const { clock, outcome } = setUp('prestart', hanging(seen));
    await clock.advance('299s');
    expect(seen).toEqual([]);
    await clock.advance('1s');
    expect(seen).toEqual(['aborted']);
    expect((await outcome).faults).toEqual([
      {
        hook: 'hanging',
        tookMs: 300_000,
        isRecoverable: true,
        message: 'hook hanging took longer than 300 s',
      },
    ]);
  });

  it('is given up after its own limit where it has one', async () => {
    const { clock, outcome } = setUp('prestart', hanging([], 2_000));
    await clock.advance('2s');
    expect((await outcome).faults).toMatchObject([
      { message: 'hook hanging took longer than 2 s' },
    ]);
  });

  it('may still fail after it was given up, without anybody noticing', async () => {
    const late = Promise.withResolvers<void>();
    const hook = defineHook({ name: 'late', timeLimitMs: 10, prestart: () => late.promise });
    const { clock, outcome } = setUp('prestart', hook);
    await clock.advance('10ms');
    late.reject(new Error('much later'));
    await clock.advance('1s');
    expect((await outcome).faults).toHaveLength(1);
  });

  it('ends the phase with the reason of the abort when its task goes on to something else', async () => {
    const seen: string[] = [];
    const { leave, outcome, clock } = setUp('prestart', hanging(seen), quick('two'));
    leave.abort(new Error('the state was left'));
    await expect(outcome).rejects.toThrow('the state was left');
    expect(seen).toEqual(['aborted']);
    expect(clock.waiting).toBe(0);
  });
});

describe('progress', () => {
  it('of quick hooks is told once, with the outcome', async () => {
    const { early, outcome } = setUp('prestart', quick('one'), quick('two'));
    expect(names((await outcome).results)).toEqual(['one', 'two']);
    expect(early).toEqual([]);
  });

  it('is told before a hook that takes its time, and not again', async () => {
    let clock = new FakeClock();
    const found = setUp(
      'prestart',
      quick('one'),
      quick('two'),
      slow(() => clock, 1_000),
    );
    clock = found.clock;
    await clock.advance('1s');
    expect(found.early.map(names)).toEqual([['one', 'two']]);
    expect(names((await found.outcome).results)).toEqual(['slow']);
  });

  it('leaves no timer behind', async () => {
    const { clock, outcome } = setUp('prestart', quick('one'), throwing(new Error('no')));
    await outcome;
    expect(clock.waiting).toBe(0);
  });
});
