/** How many processes of a run the kernel killed because its cgroup was out of memory. */
import { type CgroupLayout, isCgroupOfRun } from './cgroup-layout.ts';
import { cgroupsBelow, lookAt } from './cgroup-tree.ts';

/** 0 where nobody counts: only a cgroup with a memory controller does. */
export function oomKills(layout: CgroupLayout, path: string): number {
  if (!isCgroupOfRun(path)) return 0;
  const { unified } = layout;
  const memory = layout.v1.get('memory');
  const ofV2 = unified === undefined ? 0 : counted(`${unified}${path}/memory.events`);
  if (memory === undefined) return ofV2;
  // v1 counts in the very cgroup of the victim; v2 in all those above it, too.
  const dir = `${memory}${path}`;
  const counts = [dir, ...cgroupsBelow(dir)].map((one) => counted(`${one}/memory.oom_control`));
  return counts.reduce((sum, count) => sum + count, ofV2);
}

/**
 * Can the kernel's killing be the reason of this end? 137 is what a shell makes of SIGKILL. A program that went on
 * without a child, or without a command that ran beside it, was not killed itself.
 */
export function isOfKill(end: {
  readonly exitCode: number | null;
  readonly signal: string | null;
}): boolean {
  return end.signal === 'SIGKILL' || end.exitCode === 137;
}

function counted(file: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(lookAt(file) ?? '')?.[1] ?? 0);
}
