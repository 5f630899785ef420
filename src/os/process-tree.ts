import { readdirSync, readFileSync } from 'node:fs';
import { errnoOf } from '../errors.ts';
import { machineCgroups } from './cgroup-layout.ts';
import { type CgroupMembers, cgroupMembers, trackingDir } from './cgroup-tree.ts';
import { isDeadState, type ProcStat } from './proc-stat.ts';
import {
  hasVanished,
  isAlive,
  type Life,
  type ProcessIdentity,
  readProcStat,
} from './process-identity.ts';

/** What belongs to one run. */
export interface RunTree {
  /** The program, which leads a session of its own; unknown for a run that may not have come so far. */
  readonly program: ProcessIdentity | undefined;
  /** Value of HOLDFAST_MARK in the environment of everything of the run. */
  readonly mark: string | undefined;
  /** Path of the run's cgroup below every mount point; undefined or empty when it has none. */
  readonly cgroup?: string | undefined;
  /** Clock ticks since boot before which nothing of the run can have started. */
  readonly since: string | undefined;
}

export interface TreeMember extends ProcessIdentity {
  readonly processGroup: number;
}

export interface TreeScan {
  /** Living processes that can be proved to be of the run. */
  readonly members: readonly TreeMember[];
  /** False when something could not be looked at, so that `members` may miss some. */
  readonly isComplete: boolean;
}

/**
 * Finds a run's processes. Proof is any of: being in its cgroup; being the program; carrying the mark; being in the
 * program's session or process group while the program's pid is still its own; descending from a member; having been a
 * member in an earlier scan (`knownBefore`). Without a cgroup a process that leaves all of these behind hides.
 */
export function scanTree(
  run: RunTree,
  machineEpoch: string,
  knownBefore: readonly ProcessIdentity[] = [],
): TreeScan {
  const table = readProcessTable(run.since);
  const members = new Map<number, ProcStat>();
  let isComplete = table.isComplete;
  const held = membersOf(run.cgroup);
  const holds = new Set(held.pids);
  isComplete &&= held.isComplete;
  const isKnown = knownProcesses(run, machineEpoch, knownBefore);
  const session = sessionOf(run, machineEpoch);
  for (const stat of table.stats) {
    let isMember = holds.has(stat.pid) || isKnown(stat);
    if (session !== undefined) {
      isMember ||= stat.session === session || stat.processGroup === session;
    }
    if (!isMember && run.mark !== undefined) {
      const carries = carriesMark(stat.pid, run.mark);
      if (carries === 'unknown') isComplete = false;
      isMember = carries === true;
    }
    if (isMember) members.set(stat.pid, stat);
  }
  addDescendants(table.stats, members);
  return {
    members: [...members.values()].map(({ pid, startTime, processGroup }) => ({
      pid,
      startTime,
      machineEpoch,
      processGroup,
    })),
    isComplete,
  };
}

function membersOf(cgroup: string | undefined): CgroupMembers {
  const dir = cgroup === undefined ? undefined : trackingDir(machineCgroups(), cgroup);
  return dir === undefined ? { pids: [], isComplete: true } : cgroupMembers(dir);
}

/** Does anything of the run live? */
export function treeLife(run: RunTree, machineEpoch: string): Life {
  if (run.program !== undefined && isAlive(run.program, machineEpoch) === 'alive') return 'alive';
  const scan = scanTree(run, machineEpoch);
  if (scan.members.length > 0) return 'alive';
  return scan.isComplete ? 'dead' : 'unknown';
}

/**
 * The program of a run whose identity was not written or has been damaged: of what carries the mark it is the first
 * that leads a session, since whatever else does came of it.
 */
export function programByMark(
  mark: string,
  machineEpoch: string,
): ProcessIdentity | 'none' | 'unknown' {
  const scan = scanTree({ program: undefined, mark, since: undefined }, machineEpoch);
  const leaders = scan.members.filter(({ pid, processGroup }) => pid === processGroup);
  const [first] = leaders.sort((one, other) => Number(one.startTime) - Number(other.startTime));
  if (first !== undefined) return { pid: first.pid, startTime: first.startTime, machineEpoch };
  return scan.members.length === 0 && scan.isComplete ? 'none' : 'unknown';
}

/**
 * Sends a signal to exactly this process: its identity is looked at right before. True when it was sent. False when the
 * process ended or its pid is somebody else's by now.
 */
export function signalProcess(
  identity: ProcessIdentity,
  machineEpoch: string,
  signal: NodeJS.Signals,
): boolean {
  return isAlive(identity, machineEpoch) === 'alive' && send(identity.pid, signal);
}

/**
 * Signals the process group that `leader` leads, in one call. Works while the leader is not counted yet (a zombie's pid
 * is nobody else's). False when the group cannot be told from a stranger's any more, or is empty.
 */
export function signalGroup(
  leader: ProcessIdentity,
  machineEpoch: string,
  signal: NodeJS.Signals,
): boolean {
  if (leader.machineEpoch !== machineEpoch) return false;
  const stat = readProcStat(leader.pid);
  if (stat === undefined || stat === 'unknown') return false;
  if (stat.startTime !== leader.startTime || stat.processGroup !== leader.pid) return false;
  return send(-leader.pid, signal);
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
    throw error;
  }
}

function readProcessTable(since: string | undefined): { stats: ProcStat[]; isComplete: boolean } {
  const earliest = Number(since ?? 0);
  const stats: ProcStat[] = [];
  let isComplete = true;
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return { stats, isComplete: false };
  }
  for (const name of names) {
    // Pid 1 was there before every task, and may hide its environment from everybody.
    if (!/^\d+$/.test(name) || name === '1') continue;
    const stat = readProcStat(Number(name));
    if (stat === 'unknown') isComplete = false;
    else if (stat !== undefined && !isDeadState(stat.state) && Number(stat.startTime) >= earliest) {
      stats.push(stat);
    }
  }
  return { stats, isComplete };
}

/** The program itself and what was proved before: recognised by pid and start time. */
function knownProcesses(
  run: RunTree,
  machineEpoch: string,
  knownBefore: readonly ProcessIdentity[],
): (stat: ProcStat) => boolean {
  const startTimes = new Map<number, string>();
  for (const known of [...knownBefore, ...(run.program ? [run.program] : [])]) {
    if (known.machineEpoch === machineEpoch) startTimes.set(known.pid, known.startTime);
  }
  return (stat) => startTimes.get(stat.pid) === stat.startTime;
}

/** The program's session id, while its pid is certainly its own: alive, or a zombie that nobody counted. */
function sessionOf(run: RunTree, machineEpoch: string): number | undefined {
  if (run.program === undefined || run.program.machineEpoch !== machineEpoch) return undefined;
  const stat = readProcStat(run.program.pid);
  if (stat === undefined || stat === 'unknown') return undefined;
  // Before setsid it is still in the shim's session, which is not the run's.
  const leads = stat.startTime === run.program.startTime && stat.session === stat.pid;
  return leads ? stat.pid : undefined;
}

/** What may not be read is not ours unless this process may read everything: it then has no excuse. */
function carriesMark(pid: number, mark: string): boolean | 'unknown' {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
    return `\0${environment}`.includes(`\0HOLDFAST_MARK=${mark}\0`);
  } catch (error) {
    if (hasVanished(error)) return false;
    const errno = errnoOf(error);
    const isForbidden = errno === 'EACCES' || errno === 'EPERM';
    return isForbidden && process.geteuid?.() !== 0 ? false : 'unknown';
  }
}

function addDescendants(stats: readonly ProcStat[], members: Map<number, ProcStat>): void {
  for (let grown = members.size > 0; grown;) {
    grown = false;
    for (const stat of stats) {
      if (members.has(stat.pid) || !members.has(stat.parentPid)) continue;
      members.set(stat.pid, stat);
      grown = true;
    }
  }
}
