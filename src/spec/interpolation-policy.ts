/** Whether a task's texts are read, which is recorded with the task. */
import { hasReferenceWithin } from './interpolate.ts';
import type { CheckedGroup, CheckedTask } from './group-schema.ts';
import type { InterpolationPolicy } from './task-spec.ts';

/**
 * Undefined for a task without any reference: its spec and the hash of it are as they were before there were any. A
 * name that is not known is an error by default, because a program that gets `${DB_HOST}` for a host fails later and
 * elsewhere.
 */
export function interpolationOf(
  group: CheckedGroup,
  task: CheckedTask,
): InterpolationPolicy | undefined {
  const { meta, labels, volumes } = group;
  if (!hasReferenceWithin([meta, labels, volumes, task])) return undefined;
  const unknown = task.interpolation?.unknown ?? group.interpolation?.unknown ?? 'error';
  return { rules: 1, unknown };
}
