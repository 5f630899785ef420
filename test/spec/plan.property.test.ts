import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planUpdate, type SpecPlan } from '../../src/spec/plan.ts';
import { tries } from '../properties/tries.ts';
import type { AllocSpec } from '../../src/spec/alloc-spec.ts';

type Fields = Record<string, unknown>;

const word = fc.constantFrom('a', 'b', 'c');
const task = fc.record(
  {
    driver: fc.constantFrom('raw_exec', 'exec'),
    config: fc.record({ command: word, args: fc.array(word, { maxLength: 2 }) }),
    env: fc.dictionary(word, word, { maxKeys: 2 }),
    meta: fc.dictionary(word, word, { maxKeys: 1 }),
    gate: fc.constantFrom('prestart', 'main', 'poststop'),
    killTimeoutMs: fc.constantFrom(1_000, 2_000),
    isSidecar: fc.constant(true),
    resources: fc.record({ memoryMb: fc.constantFrom(64, 128) }),
    templates: fc.array(fc.record({ data: word, destination: word }), { maxLength: 2 }),
  },
  { requiredKeys: ['driver', 'config', 'env', 'meta', 'gate', 'killTimeoutMs'] },
);
const spec = fc
  .record({
    tasks: fc.dictionary(word, task, { maxKeys: 3 }),
    labels: fc.dictionary(word, word, { maxKeys: 1 }),
    meta: fc.dictionary(word, word, { maxKeys: 1 }),
  })
  .map(({ tasks, ...rest }): AllocSpec => {
    const all = Object.entries(tasks).map(([name, one]) => ({ ...one, name }));
    // One task stays, whatever comes and goes.
    const made = { version: 1, name: 'shop', type: 'service', ...rest };
    const plain: unknown = { ...made, tasks: [{ name: 'main', driver: 'raw_exec' }, ...all] };
    return JSON.parse(JSON.stringify(plain)) as AllocSpec;
  });

it('finds nothing to do for a group that is the same', () => {
  fc.assert(
    fc.property(spec, (one) => {
      const plan = planUpdate(one, structuredClone(one));
      expect(plan.action).toBe('none');
      expect(plan.changes).toEqual([]);
      expect(plan.tasks.every(({ action }) => action === 'none')).toBe(true);
    }),
    tries(100),
  );
});

it('names every difference: whoever does what it says has the other group', () => {
  fc.assert(
    fc.property(spec, spec, (before, after) => {
      const plan = planUpdate(before, after);
      expect(applied(plan, before, after)).toEqual(after);
      expect(plan.action === 'none').toBe(JSON.stringify(before) === JSON.stringify(after));
    }),
    tries(100),
  );
});

it('asks for as much on the way back, but for what comes and goes', () => {
  fc.assert(
    fc.property(spec, spec, (one, other) => {
      const there = fieldsOf(planUpdate(one, other));
      expect(fieldsOf(planUpdate(other, one))).toEqual(there);
    }),
    tries(100),
  );
});

function fieldsOf({ changes, tasks }: SpecPlan): readonly string[] {
  const all = [...changes, ...tasks.flatMap((plan) => plan.changes)];
  return all.map(({ field, action }) => `${field} ${action}`).toSorted();
}

/** `before` with what the plan names taken from `after`, and nothing else. */
function applied(plan: SpecPlan, before: AllocSpec, after: AllocSpec): AllocSpec {
  const group = withFields(
    { ...before },
    { ...after },
    plan.changes.filter(({ field }) => field !== 'tasks'),
  );
  const tasks = plan.tasks.flatMap(({ task: name, action, changes }): readonly Fields[] => {
    const was = before.tasks.find((one) => one.name === name);
    const is = after.tasks.find((one) => one.name === name);
    if (action === 'remove') return [];
    if (action === 'add') return [{ ...is }];
    return [withFields({ ...was }, { ...is }, changes)];
  });
  return { ...group, tasks } as unknown as AllocSpec;
}

function withFields(from: Fields, to: Fields, changes: SpecPlan['changes']): Fields {
  const made = structuredClone(from);
  for (const { field } of changes) {
    const path = field.replaceAll(/\[(\d+)\]/g, '.$1').split('.');
    let into: Fields = made;
    let out: Fields | undefined = to;
    for (const step of path.slice(0, -1)) {
      into = into[step] as Fields;
      out = out?.[step] as Fields | undefined;
    }
    const last = path.at(-1) as string;
    const value = out?.[last];
    if (value !== undefined) into[last] = value;
    else if (Array.isArray(into)) into.length = Math.min(into.length, Number(last));
    else delete into[last];
  }
  return made;
}
