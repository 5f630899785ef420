/**
 * What it takes to make one group of another: for each task and for the group the change and what it asks for. Pure:
 * the same for whoever asks what would be done and for whoever does it.
 */
import type { AllocSpec } from './alloc-spec.ts';
import { fieldChanges, type FieldChange } from './field-changes.ts';
import { groupRule, taskRule, type FieldAction } from './plan-rules.ts';
import type { TaskSpec } from './task-spec.ts';

export type { FieldChange } from './field-changes.ts';

export type UpdateAction = 'none' | FieldAction;

export interface TaskPlan {
  readonly task: string;
  /** `add`: it begins when its gate is open. `remove`: it is ended and cleaned up. */
  readonly action: UpdateAction | 'add' | 'remove';
  readonly changes: readonly FieldChange[];
}

export interface SpecPlan {
  /** The most that anything of it asks for. */
  readonly action: UpdateAction;
  /** Every task is ended and begun again, from the first gate on: what has to come before the others has changed. */
  readonly beginsAnew: boolean;
  /** Of the group itself. */
  readonly changes: readonly FieldChange[];
  /** In the order of the new group, then those that go. */
  readonly tasks: readonly TaskPlan[];
}

/** Names of the tasks that an alloc had and has no more: their past is theirs, nobody gets such a name again. */
export type FormerTasks = readonly string[];

/** An alloc remembers each of them. */
const MOST_FORMER = 32;

const ORDER: readonly UpdateAction[] = ['none', 'in-place', 'restart', 'replace'];

export function planUpdate(
  before: AllocSpec,
  after: AllocSpec,
  former: FormerTasks = [],
): SpecPlan {
  const changes = [...ownChanges(before, after), ...taskListChanges(before, after, former)];
  const tasks = taskPlans(before, after);
  const actions = [...changes, ...tasks].map(({ action }) => levelOf(action));
  const own = mostOf(changes.map(({ action }) => action));
  const isReplaced = actions.includes('replace');
  const beginsAnew = !isReplaced && hasNewBeginning(after, tasks, own);
  if (!beginsAnew && own !== 'restart') {
    return { action: mostOf(actions), beginsAnew, changes, tasks };
  }
  const everybody = tasks.map((one) =>
    one.action === 'none' || one.action === 'in-place'
      ? { ...one, action: 'restart' as const }
      : one,
  );
  return { action: mostOf([...actions, 'restart']), beginsAnew, changes, tasks: everybody };
}

function levelOf(action: TaskPlan['action']): UpdateAction {
  return action === 'add' || action === 'remove' ? 'in-place' : action;
}

function mostOf(actions: readonly UpdateAction[]): UpdateAction {
  return actions.reduce(
    (most, one) => (ORDER.indexOf(one) > ORDER.indexOf(most) ? one : most),
    'none',
  );
}

/** Its name is why they are compared, and what a scheduler calls it changes nothing by itself. */
function ownChanges(before: AllocSpec, after: AllocSpec): readonly FieldChange[] {
  const own = ({ tasks: _tasks, identity: _identity, ...rest }: AllocSpec): object => rest;
  return fieldChanges({ ...own(before) }, { ...own(after) }, groupRule);
}

function taskPlans(before: AllocSpec, after: AllocSpec): readonly TaskPlan[] {
  const old = new Map(before.tasks.map((task) => [task.name, task]));
  const kept = after.tasks.map((task): TaskPlan => {
    const known = old.get(task.name);
    if (known === undefined) return { task: task.name, action: 'add', changes: [] };
    const changes = fieldChanges({ ...known }, { ...task }, taskRule);
    return { task: task.name, action: mostOf(changes.map(({ action }) => action)), changes };
  });
  const names = new Set(after.tasks.map(({ name }) => name));
  const gone = before.tasks.filter(({ name }) => !names.has(name));
  return [
    ...kept,
    ...gone.map(({ name }) => ({ task: name, action: 'remove' as const, changes: [] })),
  ];
}

/** What the list of tasks asks for by itself, beside what each of them does. */
function taskListChanges(
  before: AllocSpec,
  after: AllocSpec,
  former: FormerTasks,
): readonly FieldChange[] {
  const names = (spec: AllocSpec): readonly string[] => spec.tasks.map(({ name }) => name);
  const texts = { before: names(before).join(', '), after: names(after).join(', ') };
  const change = (action: FieldAction): readonly FieldChange[] => [
    { kind: 'changed', field: 'tasks', ...texts, action },
  ];
  const old = new Set(names(before));
  const added = after.tasks.filter(({ name }) => !old.has(name));
  if (added.length === after.tasks.length) return change('replace');
  if (added.some(({ name }) => former.includes(name))) return change('replace');
  const removed = before.tasks.filter(({ name }) => !names(after).includes(name));
  if (removed.length > 0 && former.length + removed.length > MOST_FORMER) return change('replace');
  // Nothing was given to the alloc that a task could find now.
  if (added.some(asksForPayload) && !before.tasks.some(asksForPayload)) return change('replace');
  const left = names(before).filter((name) => names(after).includes(name));
  const isMoved = left.some(
    (name, index) => name !== names(after).filter((one) => old.has(one))[index],
  );
  return isMoved ? change('in-place') : [];
}

function asksForPayload({ dispatchPayload }: TaskSpec): boolean {
  return dispatchPayload !== undefined;
}

/** What has to be done before the others begin is to be done as it is asked for now. */
function hasNewBeginning(after: AllocSpec, tasks: readonly TaskPlan[], own: UpdateAction): boolean {
  const firsts = after.tasks.filter(({ gate, isSidecar }) => gate === 'prestart' && !isSidecar);
  const names = new Set(firsts.map(({ name }) => name));
  const isNews = ({ action }: TaskPlan): boolean =>
    action === 'add' || action === 'restart' || (own === 'restart' && action !== 'remove');
  return tasks.some((one) => names.has(one.task) && isNews(one));
}
