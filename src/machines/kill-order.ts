/**
 * In which order the tasks of an alloc are ended, as data: each wave ends before the next one is told. Nomad's order
 * (`alloc_runner.go`, `killTasks`): the leader, everything else that has work of its own, then what ran beside it.
 */
import type { TaskSpec } from '../spec/task-spec.ts';

export interface KillOrderOptions {
  /** Tasks behind poststop are ended too; otherwise they are left alone. */
  readonly withPoststop: boolean;
}

/** Names of tasks; each task is in one wave at most, no wave is empty. */
export function killOrder(
  tasks: readonly TaskSpec[],
  { withPoststop }: KillOrderOptions,
): readonly (readonly string[])[] {
  const meant = tasks.filter(({ gate }) => withPoststop || gate !== 'poststop');
  const waves = [0, 1, 2].map((wave) => meant.filter((task) => waveOf(task) === wave));
  return waves.flatMap((wave) => (wave.length === 0 ? [] : [wave.map(({ name }) => name)]));
}

function waveOf({ isLeader, isSidecar }: TaskSpec): number {
  if (isLeader === true) return 0;
  return isSidecar === true ? 2 : 1;
}
