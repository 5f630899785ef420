/** Everything that a session's command started and that has not got away from it. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeadState } from '../../os/proc-stat.ts';
import { type ProcessIdentity, readProcStat } from '../../os/process-identity.ts';
import { scanTree, signalProcess } from '../../os/process-tree.ts';
import { SESSION_VARIABLE } from './session-marks.ts';

/** Between SIGHUP and SIGKILL. */
const GRACE_MS = 2_000;
const LOOK_AGAIN_MS = 20;
/** What outlives SIGKILL for so long waits for the kernel: the run's own stop tells of it. */
const KILL_WAIT_MS = 5_000;

export interface SessionTree {
  readonly id: string;
  /** Undefined for a session of another host. */
  readonly leader: ProcessIdentity | undefined;
}

/** SIGHUP, then SIGKILL, as when a terminal is closed. Resolves when nothing of it lives, or will not die. */
export async function hangUp(tree: SessionTree, machineEpoch: string): Promise<void> {
  for (const member of members(tree, machineEpoch)) {
    signalProcess(member, machineEpoch, 'SIGHUP');
    // A stopped process hears nothing until it goes on.
    signalProcess(member, machineEpoch, 'SIGCONT');
  }
  if (await isGoneWithin(GRACE_MS, tree, machineEpoch)) return;
  await isGoneWithin(KILL_WAIT_MS, tree, machineEpoch, 'SIGKILL');
}

async function isGoneWithin(
  ms: number,
  tree: SessionTree,
  machineEpoch: string,
  signal?: NodeJS.Signals,
): Promise<boolean> {
  const deadline = performance.now() + ms;
  for (;;) {
    const left = members(tree, machineEpoch);
    if (left.length === 0) return true;
    // Again and again: what is killed may have made others just before.
    if (signal !== undefined) for (const one of left) signalProcess(one, machineEpoch, signal);
    if (performance.now() > deadline) return false;
    await delay(LOOK_AGAIN_MS);
  }
}

function members(tree: SessionTree, machineEpoch: string): readonly ProcessIdentity[] {
  const { leader } = tree;
  const marked = markedWith(tree.id, machineEpoch);
  return scanTree(
    { program: leader, mark: undefined, since: leader?.startTime },
    machineEpoch,
    marked,
  ).members;
}

/** By their environment, as no list of them outlives a host. */
function markedWith(id: string, machineEpoch: string): readonly ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || !carries(name, `\0${SESSION_VARIABLE}=${id}\0`)) continue;
    const stat = readProcStat(Number(name));
    if (stat === undefined || stat === 'unknown' || isDeadState(stat.state)) continue;
    found.push({ pid: stat.pid, startTime: stat.startTime, machineEpoch });
  }
  return found;
}

function carries(pid: string, variable: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`.includes(variable);
  } catch {
    // It ended, or is somebody else's and may not be read.
    return false;
  }
}
