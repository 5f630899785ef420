/**
 * Groups that are run again with another spec, in a third of the seeds. All of it is drawn from a chance of its own: the
 * other histories are what they would be without them.
 */
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { Chance } from './chance.ts';
import type { Wish } from './workload.ts';

type Task = GroupSpecInput['tasks'][number];

export function updatesOf(
  seed: number,
  allocId: string,
  first: GroupSpecInput,
  { fromMs, withinMs }: { readonly fromMs: number; readonly withinMs: number },
): readonly Wish[] {
  if (!new Chance(seed, 'updates').isHit(1 / 3)) return [];
  const chance = new Chance(seed, `updates ${allocId}`);
  let group = first;
  return Array.from({ length: chance.between(1, 4) }, (_, index): Wish => {
    const tasks = changed(group.tasks, index + 1, chance);
    group = { ...group, tasks: [...tasks] };
    return { kind: 'update', allocId, task: '', atMs: fromMs + chance.below(withinMs), group };
  });
}

/** Of each task by chance; at least one stays, and no name comes twice. */
function changed(tasks: readonly Task[], serial: number, chance: Chance): readonly Task[] {
  const [first, ...others] = tasks.map((task): Task => {
    const how = chance.pick(['', '', '', 'in place', 'restart', 'restart'] as const);
    if (how === 'in place') return { ...task, killTimeout: `${500 + serial}ms` };
    return how === 'restart' ? { ...task, env: { SERIAL: String(serial) } } : task;
  });
  const kept = others.filter(() => !chance.isHit(0.15));
  const config = { command: '/bin/program' };
  const added = { name: `new${serial}`, driver: 'raw_exec', config, killTimeout: '1s' };
  const more: readonly Task[] = chance.isHit(0.4) ? [added] : [];
  return [...(first === undefined ? [] : [first]), ...kept, ...more];
}
