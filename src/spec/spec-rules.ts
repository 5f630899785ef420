/** Rules that hold between several values of a group. The restart rules are Nomad's (`structs.RestartPolicy`). */
import { formatDuration } from './duration.ts';
import { restartPolicy } from './resolve-spec.ts';
import type { CheckedGroup } from './group-schema.ts';
import type { KeyPath, KeyProblem } from './key-names.ts';
import type { RestartPolicy } from './task-spec.ts';

const MIN_INTERVAL_MS = 5_000;

export function ruleProblems(group: CheckedGroup): readonly KeyProblem[] {
  return [...duplicateNames(group), ...restartProblems(group)];
}

function duplicateNames(group: CheckedGroup): readonly KeyProblem[] {
  const firstIndex = new Map<string, number>();
  const problems: KeyProblem[] = [];
  for (const [index, task] of group.tasks.entries()) {
    const first = firstIndex.get(task.name);
    if (first === undefined) firstIndex.set(task.name, index);
    else {
      const text = `must differ from the name of tasks[${first}]: both are "${task.name}"`;
      problems.push({ path: ['tasks', index, 'name'], text });
    }
  }
  return problems;
}

/** A mistake of the group's policy is told once, not again for every task that has none of its own. */
function restartProblems(group: CheckedGroup): readonly KeyProblem[] {
  const problems: KeyProblem[] = [];
  const look = (path: KeyPath, policy: RestartPolicy): void => {
    const text = policyFault(policy);
    if (text !== undefined) problems.push({ path, text });
  };
  if (group.restart !== undefined) {
    look(['restart'], restartPolicy(group.type, group.restart, undefined));
  }
  for (const [index, task] of group.tasks.entries()) {
    if (task.restart === undefined) continue;
    look(['tasks', index, 'restart'], restartPolicy(group.type, group.restart, task.restart));
  }
  return problems;
}

function policyFault({ attempts, delayMs, intervalMs, mode }: RestartPolicy): string | undefined {
  if (attempts === 0 && mode === 'delay') {
    return 'is ambiguous: attempts 0 says never, mode "delay" says again. Use mode "fail" for never';
  }
  if (intervalMs < MIN_INTERVAL_MS) {
    return `has an interval of ${formatDuration(intervalMs)}: at least 5s is needed`;
  }
  if (attempts * delayMs > intervalMs) {
    return (
      `cannot be kept: ${attempts} attempts with a delay of ${formatDuration(delayMs)} take longer ` +
      `than the interval of ${formatDuration(intervalMs)}`
    );
  }
  return undefined;
}
