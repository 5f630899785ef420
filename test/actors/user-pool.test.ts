/** Numbers of users: each is one task's at a time, whoever asks, and whatever an agent has forgotten. */
import { describe, expect, it } from 'vitest';
import type { Folded } from '../../src/actors/event-sourced.ts';
import { UserPool } from '../../src/actors/user-pool.ts';
import { INITIAL_TASK, type TaskContext } from '../../src/machines/task-state.ts';

const RANGE = { from: 80_000, to: 80_004 };

function folded(value: string, uid: number): Folded<TaskContext> {
  const hooks = { 'dynamic-users': { isDone: true, env: [], state: { uid: String(uid) } } };
  return { version: 1, position: 1, state: { value, context: { ...INITIAL_TASK, hooks } } };
}

function setUp({ accounts = [] as number[], running = [] as number[] } = {}) {
  const tasks = new Map<string, Folded<TaskContext>>();
  const inUse = {
    passwd: () => ['root:x:0:0::/:/bin/sh', ...accounts.map((id) => `u:x:${id}:1::/:`)].join('\n'),
    ofProcesses: () => new Set(running),
  };
  return { tasks, pool: () => new UserPool(tasks, RANGE, inUse) };
}

describe('a pool of users', () => {
  it('gives each task one, the same each time, until none is left', () => {
    const pool = setUp().pool();
    const streams = ['a', 'b', 'c', 'd', 'e'];
    const given = streams.map((stream) => pool.take(stream));
    expect(given.toSorted((a, b) => a - b)).toEqual([80_000, 80_001, 80_002, 80_003, 80_004]);
    expect(streams.map((stream) => pool.take(stream))).toEqual(given);
    expect(() => pool.take('f')).toThrow('all users from 80000 to 80004 are taken');
    pool.release('c');
    expect(pool.take('f')).toBe(given[2]);
  });

  it('knows in the next agent what live tasks have recorded, and who is over', () => {
    const { tasks, pool } = setUp();
    const states = ['running', 'held', 'cleanup', 'backoff'];
    for (const [index, value] of states.entries()) tasks.set(value, folded(value, 80_000 + index));
    expect(pool().take('new')).toBe(80_004);
    tasks.set('held', folded('dead', 80_001));
    const next = pool();
    expect([next.take('one'), next.take('two')].toSorted((a, b) => a - b)).toEqual([
      80_001, 80_004,
    ]);
    expect(() => next.take('three')).toThrow('are taken');
  });

  it('gives a task again what it had, unless somebody else has it by now', () => {
    const { tasks, pool } = setUp();
    expect(pool().take('a', 80_003)).toBe(80_003);
    tasks.set('b', folded('running', 80_003));
    expect(pool().take('a', 80_003)).not.toBe(80_003);
    expect(pool().take('b', 80_003)).toBe(80_003);
  });

  it('gives nobody the number of an account or of whoever runs on the machine', () => {
    const { pool } = setUp({ accounts: [80_000, 80_001], running: [80_002, 80_004] });
    expect(pool().take('a')).toBe(80_003);
  });
});
