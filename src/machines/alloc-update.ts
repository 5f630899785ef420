/** What an alloc remembers of its updates. Pure and total: old logs are folded with it too. */
import type { AllocEvent } from '../events/alloc-event.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import type { Facts } from './chart-parts.ts';

export interface UpdatedParts {
  /** Of `spec`; undefined: 1, it was never updated. */
  readonly version?: number | undefined;
  /** By task: the newest version that touched it, and the newest that asks for another start. */
  readonly touched?: Readonly<Record<string, Touch>> | undefined;
  /** Tasks that are in `spec` no more, over or not, in the order in which they went. */
  readonly removedTasks?: readonly TaskSpec[] | undefined;
}

export interface Touch {
  readonly version: number;
  /** 0: none does. */
  readonly restartVersion: number;
}

type Updated = Facts<AllocEvent, 'AllocUpdated'>;

/** The number of what the alloc is to be like. */
export function versionOf({ version = 1 }: UpdatedParts): number {
  return version;
}

export function keepUpdate(
  before: UpdatedParts & { readonly spec?: AllocSpec | undefined },
  { spec, specHash, version, changes, runUntil }: Updated,
): UpdatedParts & { readonly spec: AllocSpec; specHash: string; runUntil: number | undefined } {
  const touched: Record<string, Touch> = { ...before.touched };
  for (const { task, action } of changes) {
    if (action === 'add' || action === 'remove') delete touched[task];
    else {
      const earlier = touched[task]?.restartVersion ?? 0;
      touched[task] = { version, restartVersion: action === 'restart' ? version : earlier };
    }
  }
  const isGone = ({ name }: TaskSpec): boolean =>
    changes.some(({ task, action }) => task === name && action === 'remove');
  const gone = before.spec?.tasks.filter(isGone) ?? [];
  const removedTasks = [...(before.removedTasks ?? []), ...gone];
  return {
    spec: spec as AllocSpec,
    specHash,
    version,
    runUntil,
    touched,
    ...(removedTasks.length > 0 && { removedTasks }),
  };
}
