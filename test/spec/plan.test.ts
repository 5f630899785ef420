import { describe, expect, it } from 'vitest';
import { planUpdate, type SpecPlan } from '../../src/spec/plan.ts';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';
import type { AllocSpec } from '../../src/spec/alloc-spec.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';

type TaskInput = GroupSpecInput['tasks'][number];

const web: TaskInput = {
  name: 'web',
  driver: 'raw_exec',
  config: { command: 'serve', args: ['a'] },
};
const side: TaskInput = {
  name: 'side',
  driver: 'raw_exec',
  lifecycle: { hook: 'prestart', sidecar: true },
};
const setup: TaskInput = { name: 'setup', driver: 'raw_exec', lifecycle: { hook: 'prestart' } };

function group(tasks: readonly TaskInput[], rest: Partial<GroupSpecInput> = {}): AllocSpec {
  return resolveSpec(validateGroup({ name: 'shop', ...rest, tasks: [...tasks] }));
}
function actions({ tasks }: SpecPlan): Record<string, string> {
  return Object.fromEntries(tasks.map(({ task, action }) => [task, action]));
}

describe('what a changed field of a task asks for', () => {
  it.each<[string, Partial<TaskInput>, string]>([
    ['nothing', {}, 'none'],
    ['killTimeout', { killTimeout: '9s' }, 'in-place'],
    ['killSignal', { killSignal: 'SIGINT' }, 'in-place'],
    ['shutdownDelay', { shutdownDelay: '1s' }, 'in-place'],
    ['restart', { restart: { attempts: 7 } }, 'in-place'],
    ['leader', { leader: true }, 'in-place'],
    ['config', { config: { command: 'serve', args: ['b'] } }, 'restart'],
    ['env', { env: { A: '1' } }, 'restart'],
    ['meta', { meta: { a: '1' } }, 'restart'],
    ['resources', { resources: { memoryMb: 64 } }, 'restart'],
    ['logs.maxFiles', { logs: { maxFiles: 3 } }, 'in-place'],
    ['logs.whenFull', { logs: { whenFull: 'drop' } }, 'in-place'],
    ['logs.disabled', { logs: { disabled: true } }, 'restart'],
    ['hostEnv', { hostEnv: ['LANG'] }, 'restart'],
    ['templates', { templates: [{ data: 'x', destination: 'local/x' }] }, 'restart'],
    ['services', { services: [{ name: 'web' }] }, 'in-place'],
    ['user', { user: 'www' }, 'replace'],
    ['driver', { driver: 'exec' }, 'replace'],
    ['mounts', { mounts: [{ type: 'tmpfs', destination: '/x' }] }, 'replace'],
    ['lifecycle', { lifecycle: { hook: 'poststart' } }, 'replace'],
  ])('%s', (_what, change, action) => {
    const plan = planUpdate(group([web, side]), group([{ ...web, ...change }, side]));
    expect(actions(plan)).toEqual({ web: action, side: 'none' });
    expect(plan).toMatchObject({ action, beginsAnew: false, changes: [] });
  });
});

describe('what a change of the group asks for', () => {
  it.each<[string, Partial<GroupSpecInput>, string, string]>([
    ['labels', { labels: { a: '1' } }, 'in-place', 'none'],
    ['shutdownDelay', { shutdownDelay: '1s' }, 'in-place', 'none'],
    ['maxRunDuration', { maxRunDuration: '1h' }, 'in-place', 'none'],
    ['meta', { meta: { a: '1' } }, 'restart', 'restart'],
    ['type', { type: 'system' }, 'replace', 'none'],
    ['network', { network: { ports: { http: {} } } }, 'replace', 'none'],
  ])('%s', (_what, change, action, ofTask) => {
    const plan = planUpdate(group([web]), group([web], change));
    expect(plan.action).toBe(action);
    expect(actions(plan)).toEqual({ web: ofTask });
  });
});

describe('tasks that come and go', () => {
  it('adds and removes beside those that stay', () => {
    const plan = planUpdate(group([web, side]), group([web, { ...web, name: 'more' }]));
    expect(actions(plan)).toEqual({ web: 'none', more: 'add', side: 'remove' });
    expect(plan).toMatchObject({ action: 'in-place', beginsAnew: false });
  });
  it('replaces an alloc of which no task stays', () => {
    expect(planUpdate(group([web]), group([{ ...web, name: 'api' }])).action).toBe('replace');
  });
  it('replaces an alloc when a task would get the name of one that is gone', () => {
    const plan = planUpdate(group([web]), group([web, side]), ['side']);
    expect(plan).toMatchObject({ action: 'replace', changes: [{ field: 'tasks' }] });
  });
  it('replaces an alloc that has had too many tasks', () => {
    const former = (count: number): string[] => Array.from({ length: count }, (_, at) => `t${at}`);
    const plan = (count: number) => planUpdate(group([web, side]), group([web]), former(count));
    expect([plan(31).action, plan(32).action]).toEqual(['in-place', 'replace']);
  });
  it('takes another order of the same tasks for a change that touches nobody', () => {
    const plan = planUpdate(group([web, side]), group([side, web]));
    expect(plan).toMatchObject({ action: 'in-place', changes: [{ field: 'tasks' }] });
    expect(actions(plan)).toEqual({ web: 'none', side: 'none' });
  });
  it('begins the alloc anew for a prestart task that is new or changed', () => {
    for (const before of [
      [web, side],
      [setup, web, side],
    ]) {
      const changed = { ...setup, env: { A: '1' } };
      const plan = planUpdate(group(before), group([changed, web, side]));
      expect(plan).toMatchObject({ action: 'restart', beginsAnew: true });
      expect(actions(plan)).toMatchObject({ web: 'restart', side: 'restart' });
    }
  });
  it('begins nothing anew for a prestart task that goes', () => {
    const plan = planUpdate(group([setup, web]), group([web]));
    expect(plan).toMatchObject({ action: 'in-place', beginsAnew: false });
  });
  it('replaces an alloc that has no payload for a task that asks for one', () => {
    const asking = { ...web, name: 'more', dispatchPayload: { file: 'in' } };
    expect(planUpdate(group([web]), group([web, asking])).action).toBe('replace');
  });
});

describe('what is shown of a change', () => {
  it('names fields with their indexes, and the values on both sides', () => {
    const changed = { ...web, config: { command: 'serve', args: ['b', 'c'] }, env: { A: '1' } };
    expect(planUpdate(group([web]), group([changed])).tasks[0]?.changes).toEqual([
      { kind: 'changed', field: 'config.args[0]', before: '"a"', after: '"b"', action: 'restart' },
      { kind: 'added', field: 'config.args[1]', after: '"c"', action: 'restart' },
      { kind: 'added', field: 'env.A', after: '"1"', action: 'restart' },
    ]);
  });
  it('says that a secret has changed, and not what it was or is', () => {
    const secret = (value: string): TaskInput => ({
      ...web,
      config: { command: 'serve', args: ['--password', value, `--token=${value}`] },
      env: { API_KEY: value, URL: `http://me:${value}@host/` },
    });
    const { tasks } = planUpdate(group([secret('canary1')]), group([secret('canary2')]));
    expect(tasks[0]?.changes.map(({ field }) => field)).toEqual([
      'config.args[1]',
      'config.args[2]',
      'env.API_KEY',
      'env.URL',
    ]);
    expect(JSON.stringify(tasks)).not.toContain('canary');
  });
  it('shortens what is long', () => {
    const long = { ...web, env: { A: 'x'.repeat(10_000) } };
    const after = planUpdate(group([web]), group([long])).tasks[0]?.changes[0]?.after ?? '';
    expect(after.length).toBeLessThan(200);
  });
});
