/** How a group says that references are read, and what of that is recorded. */
import { describe, expect, it } from 'vitest';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import type { TaskSpec } from '../../src/spec/task-spec.ts';

type TaskInput = GroupSpecInput['tasks'][number];

function taskOf(task: Partial<TaskInput>, group: Partial<GroupSpecInput> = {}): TaskSpec {
  const tasks = [{ name: 'a', driver: 'raw_exec', ...task }];
  return resolveSpec(validateGroup({ name: 'g', ...group, tasks })).tasks[0] as TaskSpec;
}
const refusal = (task: Partial<TaskInput>): string => {
  try {
    taskOf(task);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a task', () => {
  it('without references has nothing recorded about them, so that its hash stays', () => {
    expect(taskOf({ env: { A: '$B ${C:-d}' } })).not.toHaveProperty('interpolation');
    const keep = { interpolation: { unknown: 'keep' as const } };
    expect(taskOf(keep, keep)).not.toHaveProperty('interpolation');
  });

  it.each([
    ['env', { env: { A: '${B}' } }, {}],
    ['an escape', { env: { A: '$${B}' } }, {}],
    ['config at depth', { config: { deep: [{ a: '${B}' }] } }, {}],
    ['user', { user: '${B}' }, {}],
    ['meta', { meta: { a: '${B}' } }, {}],
    ['meta of the group', {}, { meta: { a: '${B}' } }],
    ['a volume', {}, { volumes: { v: { source: '/srv/${B}' } } }],
  ])('with one in %s is read, and unknown names are errors', (_where, task, group) => {
    expect(taskOf(task, group).interpolation).toEqual({ rules: 1, unknown: 'error' });
  });

  it('says what becomes of unknown names, before its group does', () => {
    const env = { A: '${B}' };
    const group = { interpolation: { unknown: 'keep' as const } };
    expect(taskOf({ env }, group).interpolation?.unknown).toBe('keep');
    const own = { env, interpolation: { unknown: 'error' as const } };
    expect(taskOf(own, group).interpolation?.unknown).toBe('error');
  });

  it('asks for all of the agent’s variables, or for some by name', () => {
    expect(taskOf({}).hostEnv).toBeUndefined();
    expect(taskOf({ hostEnv: true }).hostEnv).toBe(true);
    expect(taskOf({ hostEnv: ['LANG'] }).hostEnv).toEqual(['LANG']);
    expect(taskOf({ hostEnv: false })).not.toHaveProperty('hostEnv');
    expect(taskOf({ hostEnv: [] })).not.toHaveProperty('hostEnv');
    expect(refusal({ hostEnv: 'LANG' as unknown as true })).toMatch(
      /true, false or a list of names/,
    );
    expect(refusal({ hostEnv: ['A=B'] })).toMatch(/hostEnv/);
  });

  it('may begin the place of a volume with a reference, and not go up from it', () => {
    const mount = (source: string): Partial<TaskInput> => ({
      mounts: [{ type: 'bind', source, destination: '/x' }],
    });
    expect(taskOf(mount('${meta.base}/x')).mounts).toHaveLength(1);
    expect(refusal(mount('${meta.base}/../x'))).toMatch(/absolute path/);
    expect(refusal(mount('relative/${X}'))).toMatch(/absolute path/);
  });
});
