/**
 * Who on this machine carries a mark or is in a run's cgroup: found without any file of ours, so also after all of them
 * were lost.
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { errnoOf } from '../errors.ts';
import { machineCgroups } from './cgroup-layout.ts';
import { cgroupMembers, cgroupsOfRuns } from './cgroup-tree.ts';
import { isLaunchKey } from './launch-key.ts';
import { isDeadState } from './proc-stat.ts';
import { hasVanished, readProcStat } from './process-identity.ts';

export interface MarkedProcess {
  readonly pid: number;
  /** Clock ticks since boot: with the pid, an identity. */
  readonly startTime: string;
  /** Whose it is. */
  readonly instanceId: string;
  readonly launchKey: string;
}

export interface Marks {
  readonly processes: readonly MarkedProcess[];
  /** False when some process could not be looked at although this one may look at everything. */
  readonly isComplete: boolean;
}

const MARK = /\0HOLDFAST_MARK=([^:\0]+):([^\0]*)\0/;

/**
 * Every living process whose environment holds a whole mark, or that is in the cgroup of a run, of whatever instance.
 * Takes some 30 µs for a process. One that went from one run into another counts for both.
 */
export function markedProcesses(): Marks {
  const processes: MarkedProcess[] = [];
  let isComplete = true;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const pid = Number(name);
    const mark = markOfProcess(pid);
    if (mark === 'unknown') isComplete = false;
    if (mark === undefined || mark === 'unknown') continue;
    const stat = readProcStat(pid);
    if (stat === 'unknown') isComplete = false;
    else if (stat !== undefined && !isDeadState(stat.state)) {
      processes.push({ pid, startTime: stat.startTime, ...mark });
    }
  }
  const held = heldProcesses(processes);
  return {
    processes: [...processes, ...held.processes],
    isComplete: isComplete && held.isComplete,
  };
}

/** Is the working directory of a process below this one? False for a process that cannot be asked. */
export function worksBelow(dir: string, pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(`${realpathSync(dir)}/`);
  } catch {
    return false;
  }
}

/** What gave its mark away and left its session is still in its cgroup. */
function heldProcesses(known: readonly MarkedProcess[]): Marks {
  const marked = new Set(known.map(({ pid, launchKey }) => `${pid} ${launchKey}`));
  const processes: MarkedProcess[] = [];
  let isComplete = true;
  for (const { instanceId, launchKey, dir } of cgroupsOfRuns(machineCgroups())) {
    const members = cgroupMembers(dir);
    isComplete &&= members.isComplete;
    for (const pid of members.pids) {
      if (marked.has(`${pid} ${launchKey}`)) continue;
      const stat = readProcStat(pid);
      if (stat === 'unknown') isComplete = false;
      else if (stat !== undefined && !isDeadState(stat.state)) {
        processes.push({ pid, startTime: stat.startTime, instanceId, launchKey });
      }
    }
  }
  return { processes, isComplete };
}

function markOfProcess(
  pid: number,
): Pick<MarkedProcess, 'instanceId' | 'launchKey'> | undefined | 'unknown' {
  let environment: string;
  try {
    environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch (error) {
    const errno = errnoOf(error);
    const isForbidden = errno === 'EACCES' || errno === 'EPERM';
    // Pid 1 may hide its environment from everybody, and another user's processes are not ours.
    if (hasVanished(error) || pid === 1 || (isForbidden && process.geteuid?.() !== 0)) {
      return undefined;
    }
    return 'unknown';
  }
  const [, instanceId = '', launchKey = ''] = MARK.exec(`\0${environment}`) ?? [];
  return isLaunchKey(launchKey) ? { instanceId, launchKey } : undefined;
}
