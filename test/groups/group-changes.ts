/** Groups of twelve tasks and more, and changes of them, each with what is to become of every task. */
import { kind, type Task, task } from '../acceptance/twelve-tasks.ts';

/** Ends at once, or takes its time: then agents die in the middle of it. */
const QUICK = 'exec sleep 100000';
const SLOW = 'trap "sleep 0.3; exit 0" TERM; sleep 100000 & wait';

const FIRST: readonly Task[] = [
  task('init1', 'echo done', kind('prestart')),
  task('init2', 'echo done', kind('prestart')),
  task('proxy', QUICK, kind('prestart', true)),
  task('shipper', SLOW, kind('prestart', true)),
  task('lead', SLOW, { leader: true }),
  task('web', QUICK),
  task('worker', SLOW),
  task('warm', 'echo done', kind('poststart')),
  task('watch', QUICK, kind('poststart', true)),
  task('audit', SLOW, kind('poststart', true)),
  task('bye1', 'echo done', kind('poststop')),
  task('bye2', 'echo done', kind('poststop')),
];

/** Of a program: it goes on, it is started anew in its place, it goes for good, it comes. */
export type Fate = 'kept' | 'restarted' | 'removed' | 'added';
export type ChangeKind = 'in place' | 'restart' | 'remove' | 'add' | 'anew' | 'replace';

export interface GroupState {
  readonly tasks: readonly Task[];
  readonly type: 'service' | 'system';
}

export interface GroupChange {
  readonly after: GroupState;
  /** By the names of those that run for as long as the alloc does. */
  readonly fates: ReadonlyMap<string, Fate>;
  readonly beginsAnew: boolean;
  readonly isReplaced: boolean;
}

export const FIRST_GROUP: GroupState = { tasks: FIRST, type: 'service' };

/** It runs, once everything is as it is to be. */
export function isLasting({ config }: Task): boolean {
  return JSON.stringify(config).includes('sleep');
}

export interface Drawn {
  readonly kinds: readonly ChangeKind[];
  /** The same number never comes again. */
  readonly serial: number;
  readonly pick: <T>(among: readonly T[]) => T;
}

/** All changes of these kinds in one update, of tasks by chance. Whatever is started anew finds the serial in `N`. */
export function changed(before: GroupState, { kinds, serial, pick }: Drawn): GroupChange {
  let { tasks } = before;
  const fates = new Map<string, Fate>(tasks.filter(isLasting).map(({ name }) => [name, 'kept']));
  const change = (name: string, more: Partial<Task>): void => {
    tasks = tasks.map((one) => (one.name === name ? { ...one, ...more } : one));
  };
  const kept = (): readonly string[] =>
    tasks.filter((one) => fates.get(one.name) === 'kept').map(({ name }) => name);
  const env = { N: String(serial) };
  for (const [at, wanted] of kinds.entries()) {
    if (wanted === 'in place') {
      change(pick(pick([kept(), tasks.map(({ name }) => name)])), {
        killTimeout: `${6_000 + serial}ms`,
      });
    } else if (wanted === 'restart') {
      const name = pick(kept());
      fates.set(name, 'restarted');
      change(name, { env });
    } else if (wanted === 'remove') {
      const free = kept().filter((name) => name !== 'lead');
      if (free.length < 3) continue;
      const name = pick(free);
      fates.set(name, 'removed');
      tasks = tasks.filter((one) => one.name !== name);
    } else if (wanted === 'add') {
      const name = `new${serial}-${at}`;
      fates.set(name, 'added');
      const gate = pick([{}, kind('poststart', true), kind('prestart', true)]);
      tasks = [...tasks, task(name, pick([QUICK, SLOW]), { ...gate, env })];
    } else if (wanted === 'anew') {
      change('init1', { env });
    }
  }
  const beginsAnew = kinds.includes('anew');
  if (beginsAnew) for (const name of kept()) fates.set(name, 'restarted');
  const isReplaced = kinds.includes('replace');
  const other = before.type === 'service' ? 'system' : 'service';
  const after = { tasks, type: isReplaced ? other : before.type } as const;
  return { after, fates, beginsAnew, isReplaced };
}
