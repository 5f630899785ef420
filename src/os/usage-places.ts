/** Where the cgroups of one run are: found from the run's own program, whatever made them and whatever layout it is. */
import { type CgroupMount, parseMembership } from './cgroup-layout.ts';

/** Directories of one run; absent where it has none of its own. */
export interface CgroupPlaces {
  /** Of cgroup v2, which counts the processor's time and the members without any controller. */
  readonly unified?: string | undefined;
  /** What else is counted there: `memory`, `io`, `pids`. */
  readonly controllers?: ReadonlySet<string> | undefined;
  readonly cpuacct?: string | undefined;
  readonly cpu?: string | undefined;
  readonly memory?: string | undefined;
  readonly pids?: string | undefined;
  readonly blkio?: string | undefined;
  /** Of any hierarchy: its `cgroup.procs` names the members. */
  readonly members?: string | undefined;
}

/**
 * The run's own cgroups from its program's `/proc/<pid>/cgroup`. Its own is one with its launch key in the path; what
 * lies below that, it made itself.
 */
export function cgroupPlaces(
  mounts: readonly CgroupMount[],
  membership: string,
  launchKey: string,
): CgroupPlaces {
  const found = new Map<string, string>();
  for (const [name, path] of parseMembership(membership)) {
    const dir = directory(mountOf(mounts, name), ownPath(path, launchKey));
    if (dir !== undefined) found.set(name, dir);
  }
  const unified = found.get('');
  return {
    unified,
    cpuacct: found.get('cpuacct'),
    cpu: found.get('cpu'),
    memory: found.get('memory'),
    pids: found.get('pids'),
    blkio: found.get('blkio'),
    members: unified ?? found.get('pids') ?? found.values().next().value,
  };
}

/** The name of v2 is empty. */
function mountOf(mounts: readonly CgroupMount[], name: string): CgroupMount | undefined {
  return mounts.find(({ version, controllers }) =>
    name === '' ? version === 2 : controllers.includes(name),
  );
}

function ownPath(path: string, launchKey: string): string | undefined {
  const parts = path.split('/');
  const at = parts.indexOf(launchKey);
  return at < 0 ? undefined : parts.slice(0, at + 1).join('/');
}

/** What is mounted in a container may begin below the top of its hierarchy. */
function directory(mounted: CgroupMount | undefined, path: string | undefined): string | undefined {
  if (mounted === undefined || path === undefined) return undefined;
  const { root, point } = mounted;
  if (root === '/') return `${point}${path}`;
  return path.startsWith(`${root}/`) ? `${point}${path.slice(root.length)}` : undefined;
}
