/** Where an artifact goes, told without a file system. */
import type { TaskDirs } from '../hook.ts';
import { entrySteps } from './entry-path.ts';
import { refused } from './faults.ts';

export interface Destination {
  /** A directory that only the agent can put in its place. */
  readonly root: string;
  readonly steps: readonly string[];
  /** For people. */
  readonly shown: string;
}

/** What a task sees at the top of a root of its own. */
const INSIDE = new Set(['local', 'secrets', 'tmp', 'private', 'alloc']);

/**
 * Relative to the task's directory; `alloc/` is the alloc's shared one. A variable may have given an absolute path: of
 * this machine or, for a task with a root of its own, as its program sees it.
 */
export function destinationOf(
  written: string,
  dirs: Pick<TaskDirs, 'task' | 'alloc'>,
): Destination {
  const shared = within(written, dirs.alloc);
  if (shared !== undefined) return place(dirs.alloc, shared, written);
  const relative = within(written, dirs.task) ?? inside(written);
  const steps = relative === undefined ? undefined : entrySteps(relative);
  if (steps === undefined) throw leadsOut(written);
  const [first, ...rest] = steps;
  if (first === 'alloc') return { root: dirs.alloc, steps: rest, shown: steps.join('/') };
  return { root: dirs.task, steps, shown: steps.join('/') || '.' };
}

function place(root: string, relative: string, written: string): Destination {
  const steps = entrySteps(relative);
  if (steps === undefined) throw leadsOut(written);
  return { root, steps, shown: ['alloc', ...steps].join('/') };
}

function within(path: string, dir: string): string | undefined {
  if (path === dir) return '';
  return path.startsWith(`${dir}/`) ? path.slice(dir.length + 1) : undefined;
}

function inside(path: string): string | undefined {
  if (!path.startsWith('/')) return path;
  const relative = path.replace(/^\/+/, '');
  return INSIDE.has(relative.split('/')[0] ?? '') ? relative : undefined;
}

function leadsOut(written: string): Error {
  return refused(`its destination "${written}" leads out of the directory of the task`);
}
