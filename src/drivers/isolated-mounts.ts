/** What an isolated task sees of the machine, as mounts below its own root. */
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { HoldfastError } from '../errors.ts';
import type { TaskDirs } from '../hooks/hook.ts';
import { mountOf, readMountTable, type MountEntry } from '../os/mount-table.ts';
import { INSIDE } from '../spec/env-facts.ts';
import type { Propagation, TaskMount } from '../spec/task-spec.ts';
import type { IsolatedMount } from './confinement.ts';

/** What of the machine every isolated task sees, read-only: Nomad's list. Host path → path inside. */
export const DEFAULT_CHROOT_ENV: Readonly<Record<string, string>> = {
  '/bin': '/bin',
  '/etc': '/etc',
  '/lib': '/lib',
  '/lib32': '/lib32',
  '/lib64': '/lib64',
  '/run/resolvconf': '/run/resolvconf',
  '/run/systemd/resolve': '/run/systemd/resolve',
  '/sbin': '/sbin',
  '/usr': '/usr',
};

/** As mount(8) and the engines of containers name them. */
export const PROPAGATIONS: Readonly<Record<Propagation, string>> = {
  private: 'rprivate',
  'host-to-task': 'rslave',
  bidirectional: 'rshared',
};

/** All mounts of a task but those of the kernel's file systems, in the order in which they are made. */
export function isolatedMounts(wish: {
  readonly chrootEnv: Readonly<Record<string, string>>;
  readonly dirs: TaskDirs;
  readonly mounts: readonly TaskMount[];
}): readonly IsolatedMount[] {
  const machine = Object.entries(wish.chrootEnv)
    .filter(([source]) => existsSync(source))
    .map(([source, destination]) => bind(source, destination, [...readOnly(), 'nosuid']));
  return [...machine, ...ownMounts(wish.dirs), ...wish.mounts.map(mountOfTask)];
}

/** Where the files of hooks are that are nobody's but the task's. No variable names it. */
const PRIVATE = '/private';

/**
 * The root is the task's directory, which has most of them already. As mounts of their own they stay writable below a
 * read-only root, and a program cannot put something else in their place.
 */
function ownMounts(dirs: TaskDirs): readonly IsolatedMount[] {
  const { alloc, local, secrets, tmp } = INSIDE;
  // What one task leaves for another gives it no rights.
  const plain = ['nosuid', 'nodev'];
  // Said again of what is in memory: a bind mount has the rights that it asks for, and not those of what it shows.
  const closed = [...plain, 'noexec'];
  return [
    bind(dirs.alloc, alloc, plain),
    bind(dirs.logs, `${alloc}/logs`, [...readOnly(), ...plain]),
    bind(dirs.local, local, plain),
    bind(dirs.secrets, secrets, closed),
    bind(dirs.private, PRIVATE, closed),
    bind(dirs.tmp, tmp, plain),
  ];
}

function bind(source: string, destination: string, options: readonly string[] = []): IsolatedMount {
  return { type: 'bind', source, destination, options: ['rbind', 'rprivate', ...options] };
}

/** Read-only with everything that is mounted below, where the kernel can (mount_setattr(2), since 5.12). */
function readOnly(): readonly string[] {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 12) ? ['ro', 'rro'] : ['ro'];
}

function mountOfTask(mount: TaskMount): IsolatedMount {
  const { destination } = mount;
  const access = mount.readOnly ? readOnly() : [];
  if (mount.type === 'bind') {
    const options = ['rbind', PROPAGATIONS[mount.propagation], ...access];
    return { type: 'bind', source: mount.source, destination, options };
  }
  const { sizeMb, mode = '1777' } = mount;
  const size = sizeMb === undefined ? [] : [`size=${sizeMb}m`];
  const options = ['nosuid', 'nodev', 'noexec', `mode=${mode}`, ...size, ...access.slice(0, 1)];
  return { type: 'tmpfs', source: 'tmpfs', destination, options };
}

/**
 * runc mounts what passes nothing on without a word, where nobody made the source shared. Throws START_FAILED with what
 * to do about it. `root` is the task's.
 */
export function assertPropagation(
  mounts: readonly TaskMount[],
  root: string,
  table: () => readonly MountEntry[] = readMountTable,
): void {
  let known: readonly MountEntry[] | undefined;
  for (const mount of mounts) {
    if (mount.type !== 'bind' || mount.propagation === 'private') continue;
    known ??= table();
    const found = mountOf(mount.source, known);
    const isFit = found?.isShared === true || (found?.isSlave === true && isOneWay(mount));
    if (found === undefined || !isFit) {
      throw unfit(mount.source, `is on ${found?.point ?? '?'}, which is not shared`, found?.point);
    }
    // runc makes the mount that the root is on private before it binds anything.
    if (!isOneWay(mount) && mountOf(root, known)?.id === found.id) {
      throw unfit(mount.source, `is on the same mount as the task's directory`, undefined);
    }
  }
}

function isOneWay(mount: TaskMount & { readonly type: 'bind' }): boolean {
  return mount.propagation === 'host-to-task';
}

function unfit(source: string, what: string, point: string | undefined): HoldfastError {
  const remedy =
    point === undefined
      ? `mount --bind ${source} ${source} && mount --make-shared ${source}`
      : `mount --make-rshared ${point}`;
  const text = `mount of ${source}: it ${what}, so that mounts cannot be passed on (${remedy})`;
  return new HoldfastError('START_FAILED', text);
}
