/** Which tasks a group can be made of. */
import { durationMs } from './duration.ts';
import type { CheckedGroup, CheckedTask } from './group-schema.ts';
import type { KeyProblem } from './key-names.ts';

export function lifecycleProblems(group: CheckedGroup): readonly KeyProblem[] {
  const problems = group.tasks.flatMap((task, index) => ownProblems(task, index));
  const leaders = group.tasks.flatMap(({ leader }, index) => (leader === true ? [index] : []));
  const [first, second] = leaders;
  if (first !== undefined && second !== undefined) {
    const text = `must be true for one task only: tasks[${first}] leads already`;
    problems.push({ path: ['tasks', second, 'leader'], text });
  }
  if (!group.tasks.some(keepsAlive)) {
    const text =
      'are sidecars and poststop tasks only, which wait for others: one must be a main task or run to its own end';
    problems.push({ path: ['tasks'], text });
  }
  if (group.maxRunDuration !== undefined && durationMs(group.maxRunDuration) === 0) {
    const text = 'must be longer than nothing: leave it out for no limit';
    problems.push({ path: ['maxRunDuration'], text });
  }
  return problems;
}

function ownProblems({ lifecycle, leader }: CheckedTask, index: number): KeyProblem[] {
  const problems: KeyProblem[] = [];
  const isSidecar = lifecycle?.sidecar === true;
  if (isSidecar && lifecycle.hook === 'poststop') {
    const text = 'cannot be true for a poststop task: nothing runs then that it could run beside';
    problems.push({ path: ['tasks', index, 'lifecycle', 'sidecar'], text });
  }
  if (leader === true && lifecycle !== undefined && !isSidecar) {
    const text = `cannot be true for a ${lifecycle.hook} task: its end would end the group`;
    problems.push({ path: ['tasks', index, 'leader'], text });
  }
  return problems;
}

/** Whether the group lives for as long as this task does. */
function keepsAlive({ lifecycle }: CheckedTask): boolean {
  return lifecycle === undefined || (lifecycle.hook !== 'poststop' && lifecycle.sidecar !== true);
}
