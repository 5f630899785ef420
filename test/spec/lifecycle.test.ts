/** What a group may say about when its tasks run, and about when they run again. */
import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';
import type { TaskSpec } from '../../src/spec/task-spec.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';

type Task = GroupSpecInput['tasks'][number];
const main: Task = { name: 'web', driver: 'raw_exec' };
const beside = (name: string, more: Partial<Task>): Task => ({ ...main, name, ...more });

function group(tasks: readonly Task[], more: Partial<GroupSpecInput> = {}): GroupSpecInput {
  return { name: 'g', tasks: [...tasks], ...more };
}
function resolved(spec: GroupSpecInput): readonly TaskSpec[] {
  return resolveSpec(validateGroup(spec)).tasks;
}
function refusal(spec: GroupSpecInput): string {
  try {
    validateGroup(spec);
  } catch (error) {
    if (HoldfastError.is(error, 'SPEC_INVALID')) return error.message;
    throw error;
  }
  return 'nothing is wrong with it';
}

describe('a task with a lifecycle', () => {
  it.each([
    ['prestart', false, 'service', false],
    ['prestart', true, 'service', true],
    ['prestart', true, 'batch', true],
    ['poststart', false, 'service', false],
    ['poststart', true, 'batch', true],
    ['poststop', false, 'service', false],
  ] as const)(
    '%s, sidecar %s, in a %s group restarts after success: %s',
    (hook, sidecar, type, restartOnSuccess) => {
      const tasks = [main, beside('b', { lifecycle: { hook, sidecar } })];
      const [, task] = resolved(group(tasks, { type }));
      expect(task).toMatchObject({ gate: hook, restartOnSuccess });
      expect(task?.isSidecar).toBe(sidecar ? true : undefined);
    },
  );

  it('says nothing of what it does not use, so that old specs keep their hash', () => {
    const [task] = resolved(group([beside('web', { leader: false, shutdownDelay: '0s' })]));
    expect(Object.keys(task ?? {})).not.toEqual(
      expect.arrayContaining(['isSidecar', 'isLeader', 'shutdownDelayMs']),
    );
    expect(task).toEqual(resolved(group([main]))[0]);
  });

  it('gives its delays in milliseconds', () => {
    const spec = group([beside('web', { shutdownDelay: '2s', leader: true })], {
      shutdownDelay: '3s',
      maxRunDuration: '1h',
    });
    expect(resolveSpec(validateGroup(spec))).toMatchObject({
      shutdownDelayMs: 3_000,
      maxRunDurationMs: 3_600_000,
      tasks: [{ shutdownDelayMs: 2_000, isLeader: true }],
    });
  });

  it.each([
    [
      'a poststop sidecar',
      [main, beside('b', { lifecycle: { hook: 'poststop', sidecar: true } })],
      'tasks[1].lifecycle.sidecar cannot be true for a poststop task: nothing runs then that it could run beside',
    ],
    [
      'two leaders',
      [beside('a', { leader: true }), beside('b', { leader: true })],
      'tasks[1].leader must be true for one task only: tasks[0] leads already',
    ],
    [
      'a leader that ends early by design',
      [main, beside('b', { leader: true, lifecycle: { hook: 'prestart' } })],
      'tasks[1].leader cannot be true for a prestart task: its end would end the group',
    ],
    [
      'nothing that a sidecar could run beside',
      [beside('b', { lifecycle: { hook: 'prestart', sidecar: true } })],
      'tasks are sidecars and poststop tasks only, which wait for others: one must be a main task or run to its own end',
    ],
  ] as const)('is refused as %s', (_title, tasks, sentence) => {
    expect(refusal(group(tasks))).toBe(sentence);
  });

  it('may lead as a sidecar', () => {
    const leader = beside('b', { leader: true, lifecycle: { hook: 'prestart', sidecar: true } });
    expect(refusal(group([main, leader]))).toBe('nothing is wrong with it');
  });

  it('does not run for no time at all', () => {
    expect(refusal(group([main], { maxRunDuration: '0s' }))).toBe(
      'maxRunDuration must be longer than nothing: leave it out for no limit',
    );
  });
});

describe('a restart policy', () => {
  const policyOf = (restart: Task['restart'], ofGroup?: Task['restart']) =>
    resolved(
      group([beside('web', { restart })], ofGroup === undefined ? {} : { restart: ofGroup }),
    )[0]?.restart;

  it('is recorded as it was before when it asks for nothing new', () => {
    expect(policyOf({ backoff: 'constant' })).toEqual({
      attempts: 2,
      intervalMs: 1_800_000,
      delayMs: 15_000,
      mode: 'fail',
      onLost: 'restart',
    });
  });

  it('takes what the task leaves out from the group, and 5m as the longest delay', () => {
    const ofGroup = { backoff: 'exponential', resetAfter: '10m' } as const;
    expect(policyOf({ delay: '1s' }, ofGroup)).toMatchObject({
      backoff: 'exponential',
      delayMs: 1_000,
      maxDelayMs: 300_000,
      resetAfterMs: 600_000,
    });
    expect(policyOf({ delay: '6m', attempts: 1 }, ofGroup)).toMatchObject({ maxDelayMs: 360_000 });
  });

  it('looks at codes before ranges, and at narrow ranges before wide ones', () => {
    const exitCodes = { '1-255': 'fail', '70-79': 'hold', 75: 'restart', SIGKILL: 'hold' } as const;
    expect(policyOf({ exitCodes })?.exitCodes).toEqual([
      { signal: 'SIGKILL', then: 'hold' },
      { from: 75, to: 75, then: 'restart' },
      { from: 70, to: 79, then: 'hold' },
      { from: 1, to: 255, then: 'fail' },
    ]);
  });

  it.each([
    [{ attempts: 0, mode: 'hold' }, 'nothing is wrong with it'],
    [
      { maxDelay: '1m' },
      'has a maxDelay, which needs backoff "exponential": a constant delay has no other limit',
    ],
    [
      { backoff: 'exponential', maxDelay: '1s' },
      'has a maxDelay of 1s, which is less than its delay of 15s',
    ],
    [{ resetAfter: '0s' }, 'has a resetAfter of 0s, which would forget every restart'],
    [
      { backoff: 'exponential', attempts: 4, interval: '1m', delay: '5s', maxDelay: '20s' },
      'nothing is wrong with it',
    ],
    [
      { backoff: 'exponential', attempts: 5, interval: '1m', delay: '5s', maxDelay: '20s' },
      'cannot be kept: 5 attempts with delays from 5s to 20s take longer than the interval of 1m',
    ],
    [{ backoff: 'exponential', attempts: 9e15, delay: '0s' }, 'nothing is wrong with it'],
    [
      { exitCodes: { '1-10': 'fail', '5-20': 'hold' } },
      'has exit codes of which nobody can say which holds: "1-10" and "5-20"',
    ],
    [
      { exitCodes: { 7: 'fail', '07': 'hold' } },
      'has exit codes of which nobody can say which holds: "7" and "07"',
    ],
  ] as const satisfies readonly (readonly [Task['restart'], string])[])(
    'says what is wrong: %j',
    (restart, words) => {
      const found = refusal(group([beside('web', { restart })]));
      expect(found.replace('tasks[0].restart ', '')).toBe(words);
    },
  );

  it.each(['256', '9-3', '-1', 'SIGNOT', '1e2', ''])('knows no way to end called "%s"', (on) => {
    expect(refusal(group([main], { restart: { exitCodes: { [on]: 'fail' } } }))).toContain(
      'must be an exit code, a range or a signal, such as "75", "64-78" or "SIGSEGV"',
    );
  });
});
