/** Which cgroup hierarchies this machine has, and where in them this process may make its own. Nothing is changed. */
import { isLaunchKey } from './launch-key.ts';
import { mayWrite, textOf } from './quiet-reads.ts';

export interface CgroupMount {
  /** Where the hierarchy is mounted. */
  readonly point: string;
  /** The directory of the hierarchy that is seen there: not `/` in a container. */
  readonly root: string;
  readonly isReadOnly: boolean;
  readonly version: 1 | 2;
  /** v1: `cpu`, `memory`, `name=systemd` … */
  readonly controllers: readonly string[];
}

export interface CgroupLayout {
  readonly mode: 'v1' | 'v2' | 'hybrid' | 'none';
  /** Mount point of each v1 hierarchy in which something may be made, by controller. */
  readonly v1: ReadonlyMap<string, string>;
  /** Mount point of cgroup v2 where something may be made in it. */
  readonly unified: string | undefined;
  /** Below every mount point: `''`, or the cgroup that was given to a user who is not root. */
  readonly delegated: string;
  /** Below every mount point: what is ours is made below it. */
  readonly parent: string;
  /** Why nothing can be made; empty when something can. */
  readonly reason: string;
}

const OWN_NAME = 'holdfast';
/** Hierarchies of v1 by which processes can be told apart; frozen ones can be killed in one go. */
const TRACKERS = ['freezer', 'pids', 'name=systemd'] as const;

let ofThisMachine: CgroupLayout | undefined;

/** Looked up once: hierarchies are mounted when a machine starts. */
export function machineCgroups(): CgroupLayout {
  ofThisMachine ??= detectCgroups('/proc', process.geteuid?.() === 0);
  return ofThisMachine;
}

/**
 * `proc` is where procfs is. Somebody who is not root may use a v2 cgroup that was delegated to him, which is the one
 * he is in; delegation in v1 is not safe (cgroups(7)) and is not used.
 */
export function detectCgroups(proc: string, isRoot: boolean): CgroupLayout {
  const mounts = parseCgroupMounts(textOf(`${proc}/self/mountinfo`));
  const v2 = mounts.find(({ version }) => version === 2);
  const v1 = v1Points(mounts);
  const mode = modeOf(v1.size > 0, v2 !== undefined);
  const facts = { mode, delegated: '', parent: `/${OWN_NAME}`, v1, unified: undefined } as const;
  if (mode === 'none') return { ...facts, reason: 'no cgroup hierarchy is mounted' };
  if (!isRoot) return { ...facts, v1: new Map(), ...delegatedPart(proc, v2) };
  const isWritable = v2 !== undefined && !v2.isReadOnly;
  const reason = v1.size > 0 || isWritable ? '' : 'the cgroup hierarchies are mounted read-only';
  return { ...facts, unified: isWritable ? v2.point : undefined, reason };
}

function modeOf(hasV1: boolean, hasV2: boolean): CgroupLayout['mode'] {
  if (hasV1) return hasV2 ? 'hybrid' : 'v1';
  return hasV2 ? 'v2' : 'none';
}

function v1Points(mounts: readonly CgroupMount[]): ReadonlyMap<string, string> {
  const points = new Map<string, string>();
  for (const { version, isReadOnly, controllers, point } of mounts) {
    if (version !== 1 || isReadOnly) continue;
    for (const name of controllers) if (!points.has(name)) points.set(name, point);
  }
  return points;
}

function delegatedPart(
  proc: string,
  v2: CgroupMount | undefined,
): Pick<CgroupLayout, 'delegated' | 'parent' | 'unified' | 'reason'> {
  const none = { delegated: '', parent: `/${OWN_NAME}`, unified: undefined };
  if (v2 === undefined) return { ...none, reason: 'only root may use cgroup v1' };
  const own = ownPath(textOf(`${proc}/self/cgroup`), v2);
  if (own === undefined) return { ...none, reason: 'the own cgroup is not visible' };
  const dir = `${v2.point}${own}`;
  if (v2.isReadOnly || !mayWrite(dir) || !mayWrite(`${dir}/cgroup.procs`)) {
    return { ...none, reason: `no cgroup was delegated to this user: ${dir} cannot be written` };
  }
  return { unified: v2.point, delegated: own, parent: `${own}/${OWN_NAME}`, reason: '' };
}

/** Below the mount point; `''` for the top. */
function ownPath(membership: string, { root }: CgroupMount): string | undefined {
  const path = parseMembership(membership).get('');
  if (path === undefined || path.startsWith('/..')) return undefined;
  const top = root === '/' ? '' : root;
  if (!`${path}/`.startsWith(`${top}/`)) return undefined;
  return path.slice(top.length).replace(/\/$/, '');
}

/** Lines of `/proc/<pid>/mountinfo`, proc(5). */
export function parseCgroupMounts(mountinfo: string): readonly CgroupMount[] {
  const mounts: CgroupMount[] = [];
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, point, ownOptions = ''] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if (root === undefined || point === undefined) continue;
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    const words = options.split(',');
    mounts.push({
      point: unescaped(point),
      root: unescaped(root),
      isReadOnly: [...ownOptions.split(','), ...words].includes('ro'),
      version: type === 'cgroup' ? 1 : 2,
      controllers: type === 'cgroup' ? words.filter((word) => !GENERAL.has(word)) : [],
    });
  }
  return mounts;
}

/** Mount options that name no controller. */
const GENERAL = new Set(['rw', 'ro', 'xattr', 'noprefix', 'clone_children']);

/** Spaces and the like are written in octal. */
function unescaped(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/**
 * The text of `/proc/<pid>/cgroup` as path by controller; v2 has the name `''`. Only hierarchy 0 is v2: another line
 * without a name belongs to a hierarchy without controllers, and says nothing.
 */
export function parseMembership(text: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, id, names, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (names === undefined || path === undefined) continue;
    if (id === '0') paths.set('', path);
    else if (names !== '') for (const name of names.split(',')) paths.set(name, path);
  }
  return paths;
}

/** Mount point of the hierarchy that tells the processes of runs apart; undefined where there is none. */
export function trackingPoint(layout: CgroupLayout): string | undefined {
  if (layout.unified !== undefined) return layout.unified;
  const name = TRACKERS.find((one) => layout.v1.has(one));
  return name === undefined ? undefined : layout.v1.get(name);
}

/** Every mount point, each once: where a cgroup of ours may be. */
export function cgroupPoints({ unified, v1 }: CgroupLayout): readonly string[] {
  return [...new Set([...(unified === undefined ? [] : [unified]), ...v1.values()])];
}

/** The path of a run's cgroup below every mount point. */
export function cgroupOfRun(parent: string, instanceId: string, launchKey: string): string {
  return `${parent}/${instanceId}/${launchKey}`;
}

/** Does the path end in an instance and a launch key, so that it can only be a run's? Nothing else is touched. */
export function isCgroupOfRun(path: string): boolean {
  const parts = path.split('/');
  if (parts[0] !== '' || parts.length < 4) return false;
  if (parts.slice(1).some((part) => part === '' || part === '.' || part === '..')) return false;
  return isLaunchKey(parts.at(-1) ?? '');
}
