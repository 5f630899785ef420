/** Where the cgroups of one run are: found from the run's own program, whatever made them and whatever layout it is. */

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

/** The name of the v2 hierarchy, which has no controllers in its line. */
const UNIFIED = '';

interface Mounted {
  readonly point: string;
  /** The directory of the hierarchy that is seen there: not `/` in a container. */
  readonly root: string;
}

/** Mount points by controller: lines of `/proc/self/mountinfo`, proc(5). */
export function parseCgroupMounts(mountinfo: string): ReadonlyMap<string, Mounted> {
  const mounts = new Map<string, Mounted>();
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ');
    const [, , , root, point] = before?.split(' ') ?? [];
    const [type, , options] = after?.split(' ') ?? [];
    if (root === undefined || point === undefined || options === undefined) continue;
    const mounted = { root: unescaped(root), point: unescaped(point) };
    if (type === 'cgroup2' && !mounts.has(UNIFIED)) mounts.set(UNIFIED, mounted);
    if (type !== 'cgroup') continue;
    for (const name of options.split(',')) if (!mounts.has(name)) mounts.set(name, mounted);
  }
  return mounts;
}

/** Spaces and the like are written in octal. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/**
 * The run's own cgroups from its program's `/proc/<pid>/cgroup`, cgroups(7). Its own is one with its launch key in the
 * path; what lies below that, it made itself.
 */
export function cgroupPlaces(
  mounts: ReadonlyMap<string, Mounted>,
  membership: string,
  launchKey: string,
): CgroupPlaces {
  const found = new Map<string, string>();
  for (const line of membership.split('\n')) {
    const [, id, names, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (names === undefined || path === undefined) continue;
    // Only hierarchy 0 may have no name; another one without is of no use to anybody.
    if (names === '' && id !== '0') continue;
    const own = ownPath(path, launchKey);
    if (own === undefined) continue;
    for (const name of names.split(',')) {
      const dir = directory(mounts.get(name), own);
      if (dir !== undefined) found.set(name, dir);
    }
  }
  const [unified, any] = [found.get(UNIFIED), found.values().next().value];
  return {
    unified,
    cpuacct: found.get('cpuacct'),
    cpu: found.get('cpu'),
    memory: found.get('memory'),
    pids: found.get('pids'),
    blkio: found.get('blkio'),
    members: unified ?? found.get('pids') ?? any,
  };
}

function ownPath(path: string, launchKey: string): string | undefined {
  const parts = path.split('/');
  const at = parts.indexOf(launchKey);
  return at < 0 ? undefined : parts.slice(0, at + 1).join('/');
}

function directory(mounted: Mounted | undefined, path: string): string | undefined {
  if (mounted === undefined) return undefined;
  const { root, point } = mounted;
  if (root === '/') return `${point}${path}`;
  return path.startsWith(`${root}/`) ? `${point}${path.slice(root.length)}` : undefined;
}
