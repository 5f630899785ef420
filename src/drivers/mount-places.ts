/** Whether what a task mounts can be mounted where it wants it: a runtime would say so late, and in its own words. */
import { statSync } from 'node:fs';
import { posix } from 'node:path';
import { HoldfastError } from '../errors.ts';
import { TaskRoot } from '../os/task-root.ts';
import type { IsolatedMount } from './confinement.ts';

/**
 * `mounts` are all of a task in the order in which they are made, and the last `ownCount` are those of its spec; `root`
 * is its directory. Throws START_FAILED.
 */
export function assertMountPlaces(
  root: string,
  mounts: readonly IsolatedMount[],
  ownCount: number,
): void {
  for (let index = mounts.length - ownCount; index < mounts.length; index += 1) {
    const mount = mounts[index];
    const fault = mount && faultOf(mount, root, mounts.slice(0, index));
    if (fault === undefined) continue;
    throw new HoldfastError('START_FAILED', `mount at ${mount?.destination}: ${fault}`);
  }
}

const MAYBE = { throwIfNoEntry: false } as const;

function faultOf(
  mount: IsolatedMount,
  root: string,
  before: readonly IsolatedMount[],
): string | undefined {
  const { destination } = mount;
  const what = mount.type === 'bind' ? mount.source : 'a tmpfs';
  const source = mount.type === 'bind' ? statSync(mount.source, MAYBE) : undefined;
  if (mount.type === 'bind' && source === undefined) return `${what} does not exist`;
  const isDirectory = source?.isDirectory() ?? true;
  if (isBelow(destination, '/dev')) return faultOfDevice(destination, what, isDirectory);
  // The kernel's own, and what is in a tmpfs is only known inside.
  const hidden = before.filter(({ type }) => type !== 'bind').map((one) => one.destination);
  if (['/proc', '/sys', ...hidden].some((one) => isBelow(destination, one))) return undefined;
  const binds = before.filter(({ type }) => type === 'bind');
  const below = new TaskRoot(root, binds);
  const found = below.find(destination);
  if (found !== undefined) {
    if (found.stats.isDirectory() === isDirectory) return undefined;
    const [is, isThere] = isDirectory ? ['a directory', 'a file'] : ['a file', 'a directory'];
    return `${what} is ${is}, and the task has ${isThere} there`;
  }
  return faultOfMissing(destination, below, binds);
}

/** The runtime makes what is missing, where it can. */
function faultOfMissing(
  destination: string,
  below: TaskRoot,
  binds: readonly IsolatedMount[],
): string | undefined {
  let above = posix.dirname(destination);
  let found = below.find(above);
  while (found === undefined && above !== '/') {
    above = posix.dirname(above);
    found = below.find(above);
  }
  if (found === undefined) return undefined;
  if (!found.stats.isDirectory()) return `the task has a file at ${above}`;
  const { inside } = found;
  const [holder] = binds
    .filter((bind) => isBelow(inside, bind.destination))
    .toSorted((one, other) => other.destination.length - one.destination.length);
  if (holder?.options.includes('ro') !== true) return undefined;
  const remedy = 'choose a place that exists, or one elsewhere';
  return `the task has nothing there, and ${holder.destination} is read-only for it: ${remedy}`;
}

function faultOfDevice(
  destination: string,
  what: string,
  isDirectory: boolean,
): string | undefined {
  if (destination === '/dev/ptmx') return 'every task has its own terminals there';
  if (destination !== '/dev/null' || !isDirectory) return undefined;
  return `${what} is a directory, and the task has a device there`;
}

function isBelow(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`) || place === '/';
}
