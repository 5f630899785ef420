import { describe, expect, it } from 'vitest';
import { defineHook, type HookDoors, type HookRequest } from '../../src/hooks/hook.ts';
import { HookRegistry } from '../../src/hooks/registry.ts';
import { taskSpec } from '../machines/stories.ts';

const BUILT_IN = ['validate', 'task-dir', 'logmon'];
const mine = defineHook({ name: 'mine', when: (task) => task.meta['mine'] === 'yes' });

describe('the plan of a task', () => {
  it('is the built-in hooks in their order, then the custom ones in theirs', () => {
    const registry = new HookRegistry([defineHook({ name: 'b' }), defineHook({ name: 'a' })]);
    expect(registry.planFor(taskSpec())).toEqual([...BUILT_IN, 'b', 'a']);
  });

  it('leaves out a hook that has nothing to do with the task', () => {
    const registry = new HookRegistry([mine]);
    expect(registry.planFor(taskSpec())).toEqual(BUILT_IN);
    expect(registry.planFor(taskSpec({ meta: { mine: 'yes' } }))).toEqual([...BUILT_IN, 'mine']);
  });

  it('resolves to the hooks of its names, in the order that was recorded', () => {
    const hooks = new HookRegistry([mine]).resolve(['mine', 'validate']);
    expect(hooks.map((hook) => hook.name)).toEqual(['mine', 'validate']);
    expect(hooks[0]).toBe(mine);
  });

  it('that names a hook nobody registers any more fails the start, and only the start', async () => {
    const [gone] = new HookRegistry([]).resolve(['gone']);
    expect(Object.keys(gone ?? {})).toEqual(['name', 'prestart']);
    await expect(gone?.prestart?.({} as HookRequest, {} as HookDoors)).rejects.toMatchObject({
      code: 'HOOK_FAILED',
      message: 'the recorded plan names the hook "gone", which is not registered',
    });
  });
});

describe('the registry', () => {
  it('refuses two hooks of one name, built in or not', () => {
    const refusal = expect.objectContaining({ code: 'USAGE' });
    expect(() => new HookRegistry([mine, { ...mine }])).toThrow(refusal);
    expect(() => new HookRegistry([defineHook({ name: 'logmon' })])).toThrow(refusal);
  });

  it.each(['', 'Mine', '1st', 'my_hook', 'a b'])('refuses the name %j', (name) => {
    expect(() => defineHook({ name })).toThrow(TypeError);
  });
});
