/** How a universal program comes to be confined: what the shim's child does to itself before it becomes the program. */
import type { Confinement, ResourceLimit } from '../../rpc/gen/holdfast/executor/v1/executor.ts';

export interface Confining {
  /** Absolute paths of files of the run's cgroups: whoever writes `0` into them is in it. */
  readonly joins: readonly string[];
  readonly oomScoreAdj: number | undefined;
  /** Words that come before the program's own; none when there is nothing to do. */
  readonly chain: readonly string[];
  /** What is done when it is recorded that the program is next. Words that a shell need not quote. */
  readonly last: readonly string[];
}

/** For a program that has what the host has. */
export const UNCONFINED: Confining = { joins: [], oomScoreAdj: undefined, chain: [], last: [] };

/**
 * The programs through which one becomes another, each only when something is asked of it. The order is that of the
 * rights they need: limits may be raised and a network entered by root only, and setpriv gives everything away.
 * `hostUid` is who the program is when no user is named.
 */
export function confiningChain(confinement: Confinement, hostUid: number): readonly string[] {
  return [
    ...limitWords(confinement),
    ...networkWords(confinement),
    ...privilegeWords(confinement, hostUid),
  ];
}

function limitWords({ resourceLimits }: Confinement): readonly string[] {
  const words = resourceLimits.flatMap((limit) => {
    if (!isTooSmallToBegin(limit)) return [limitWord(limit)];
    // Later nobody may raise the hard one; to lower it no right is needed.
    const atFirst = { ...limit, soft: limit.hard };
    return isTooSmallToBegin(atFirst) ? [] : [limitWord(atFirst)];
  });
  return words.length === 0 ? [] : ['/usr/bin/prlimit', ...words];
}

/** What would end the steps to the program themselves, which write down how far they came. */
export function lastLimits({ resourceLimits }: Confinement): readonly string[] {
  const limits = resourceLimits.filter(isTooSmallToBegin);
  if (limits.length === 0) return [];
  return ['/usr/bin/prlimit', ...limits.map(limitWord)];
}

/** More than the steps to the program write. */
const ROOM_TO_BEGIN_BYTES = 65_536;

function isTooSmallToBegin({ name, soft }: ResourceLimit): boolean {
  return name === 'fsize' && soft !== '' && Number(soft) < ROOM_TO_BEGIN_BYTES;
}

function limitWord({ name, soft, hard }: ResourceLimit): string {
  return `--${name}=${soft || 'unlimited'}:${hard || 'unlimited'}`;
}

function networkWords({ networkNamespace }: Confinement): readonly string[] {
  return networkNamespace === '' ? [] : ['/usr/bin/nsenter', `--net=${networkNamespace}`];
}

function privilegeWords(
  { user, capabilities, noNewPrivileges }: Confinement,
  hostUid: number,
): readonly string[] {
  const words: string[] = [];
  if (user !== undefined) {
    const groups =
      user.groups.length === 0 ? '--clear-groups' : `--groups=${user.groups.join(',')}`;
    words.push(`--reuid=${user.uid}`, `--regid=${user.gid}`, groups);
  }
  const isRoot = (user?.uid ?? hostUid) === 0;
  // Whoever is not root has nothing unless it is given to him, and can get nothing by a file's capabilities either.
  const keep = capabilities?.keep ?? (isRoot || user === undefined ? undefined : []);
  if (keep !== undefined) words.push(...capabilityWords(keep, isRoot));
  if (noNewPrivileges) words.push('--no-new-privs');
  return words.length === 0 ? [] : ['/usr/bin/setpriv', ...words];
}

/** Root has what is in the bounding set when it executes something; for others only the ambient set does that. */
function capabilityWords(keep: readonly string[], isRoot: boolean): readonly string[] {
  const set = ['-all', ...keep.map((name) => `+${name.toLowerCase().replace(/^cap_/, '')}`)].join();
  if (isRoot) return [`--bounding-set=${set}`, '--inh-caps=-all'];
  return [`--bounding-set=${set}`, `--inh-caps=${set}`, `--ambient-caps=${set}`];
}
