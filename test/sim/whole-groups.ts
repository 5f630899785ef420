/**
 * Groups with tasks of every kind, in a third of the seeds. All of it is drawn from a chance of its own: the other
 * histories are what they would be without them.
 */
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { Chance } from './chance.ts';
import type { Wish } from './workload.ts';

type Task = GroupSpecInput['tasks'][number];

export interface WholeGroup {
  readonly group: GroupSpecInput;
  readonly wishes: readonly Wish[];
}

const EXIT_CODES = [
  { '1-120': 'fail' },
  { '121-255': 'hold' },
  { 0: 'restart' },
  { SIGKILL: 'hold', 0: 'complete' },
] as const;

export function wholeGroup(
  seed: number,
  allocId: string,
  group: GroupSpecInput,
  { fromMs, withinMs }: { readonly fromMs: number; readonly withinMs: number },
): WholeGroup {
  if (!new Chance(seed, 'whole').isHit(1 / 3)) return { group, wishes: [] };
  const chance = new Chance(seed, `whole ${allocId}`);
  const leads = chance.isHit(0.4);
  const own = group.tasks.map((task, index) => {
    return { ...varied(task, chance), ...(leads && index === 0 ? { leader: true } : {}) };
  });
  const more = [
    beside('side', { hook: 'prestart', sidecar: true }, chance),
    beside('late', { hook: 'poststart' }, chance),
    beside('watch', { hook: 'poststart', sidecar: true }, chance),
    beside('bye', { hook: 'poststop' }, chance),
  ].filter(() => chance.isHit(0.5));
  const delay = chance.isHit(0.2) ? { shutdownDelay: chance.pick(['500ms', '3s']) } : {};
  const limit = chance.isHit(0.15) ? { maxRunDuration: chance.pick(['10s', '40s']) } : {};
  const wishes = Array.from({ length: chance.below(5) }, (): Wish => {
    const kind = chance.pick(['restart all', 'restart all', 'resume', 'resume', 'hurry'] as const);
    return { kind, allocId, task: '', atMs: fromMs + chance.below(withinMs) };
  });
  return { group: { ...group, tasks: [...own, ...more], ...delay, ...limit }, wishes };
}

/** Delays that grow, rules for exit codes, holds, and a delay before the kill. */
function varied(task: Task, chance: Chance): Task {
  const { restart = {} } = task;
  const grows = chance.isHit(0.3) ? ({ backoff: 'exponential', maxDelay: '9s' } as const) : {};
  const rules = chance.isHit(0.2) ? { exitCodes: chance.pick(EXIT_CODES) } : {};
  const holds = restart.mode === 'fail' && chance.isHit(0.25) ? { mode: 'hold' as const } : {};
  const delay = chance.isHit(0.3) ? { shutdownDelay: chance.pick(['300ms', '4s']) } : {};
  return { ...task, restart: { ...restart, ...grows, ...rules, ...holds }, ...delay };
}

/** One that comes last must end by itself: see `behaviour.ts`. */
function beside(name: string, lifecycle: NonNullable<Task['lifecycle']>, chance: Chance): Task {
  const restart = {
    attempts: chance.below(3),
    interval: '30s',
    delay: '1s',
    mode: 'fail',
  } as const;
  const task: Task = {
    name,
    driver: 'raw_exec',
    config: { command: '/bin/program' },
    killTimeout: chance.pick(['100ms', '1s']),
    lifecycle,
    restart,
  };
  return lifecycle.hook === 'poststop' ? task : varied(task, chance);
}
