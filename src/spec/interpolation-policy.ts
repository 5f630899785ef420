/** Whether a task's texts are read and what of the agent's environment it gets: both are recorded with the task. */
import { hasReferenceWithin } from './interpolate.ts';
import type { CheckedGroup, CheckedTask } from './group-schema.ts';
import type { HostEnvWish } from './host-env.ts';
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
  const { meta, labels, volumes, services } = group;
  if (!hasReferenceWithin([meta, labels, volumes, services, task])) return undefined;
  const unknown = task.interpolation?.unknown ?? group.interpolation?.unknown ?? 'error';
  return { rules: 1, unknown };
}

/** Undefined for a task that gets none of the agent's variables, however it says so. */
export function hostEnvOf({ hostEnv = false }: CheckedTask): HostEnvWish | undefined {
  if (hostEnv === false) return undefined;
  return hostEnv === true || hostEnv.length > 0 ? hostEnv : undefined;
}
