/** Ends everything in the cgroup of a run at once, whatever session it is in and however it changed its environment. */
import { existsSync, writeFileSync } from 'node:fs';
import { errnoOf } from '../errors.ts';
import type { CgroupLayout } from './cgroup-layout.ts';
import { cgroupMembers, trackingDir } from './cgroup-tree.ts';

/** How a cgroup can be ended. */
export type KillWay =
  /** The kernel ends all of it in one step (cgroup v2, 5.14). */
  | 'cgroup.kill'
  /** Frozen first, so that nothing is born meanwhile. */
  | 'freezer'
  /** Process by process, until none is left. */
  | 'signals';

interface Freezer {
  readonly file: string;
  readonly frozen: string;
  readonly thawed: string;
}

/** Looks at what the directories of the run offer. */
export function killWay(layout: CgroupLayout, path: string): KillWay {
  const { unified } = layout;
  if (unified !== undefined && existsSync(`${unified}${path}/cgroup.kill`)) return 'cgroup.kill';
  return freezerOf(layout, path) === undefined ? 'signals' : 'freezer';
}

function freezerOf({ unified, v1 }: CgroupLayout, path: string): Freezer | undefined {
  const choices = [
    { file: `${unified}${path}/cgroup.freeze`, frozen: '1', thawed: '0' },
    { file: `${v1.get('freezer')}${path}/freezer.state`, frozen: 'FROZEN', thawed: 'THAWED' },
  ];
  return choices.find(({ file }) => existsSync(file));
}

/**
 * Sends SIGKILL to every member. What is being born at this moment may be missed where there is no `cgroup.kill`: call
 * it until `isCgroupEmpty`. Does nothing for a path that is none of a run's.
 */
export function killCgroup(layout: CgroupLayout, path: string): void {
  const dir = trackingDir(layout, path);
  if (dir === undefined) return;
  const way = killWay(layout, path);
  if (way === 'cgroup.kill' && tryWrite(`${layout.unified}${path}/cgroup.kill`, '1')) return;
  const freezer = freezerOf(layout, path);
  const isFreezing = freezer !== undefined && tryWrite(freezer.file, freezer.frozen);
  try {
    for (const pid of cgroupMembers(dir).pids) kill(pid);
  } finally {
    // Nothing dies while it is frozen.
    if (isFreezing) tryWrite(freezer.file, freezer.thawed);
  }
}

function tryWrite(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: 'r+' });
    return true;
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}
