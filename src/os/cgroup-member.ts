import { readFileSync } from 'node:fs';

/** Is it in a cgroup whose path has this in it? False also when nobody can say. */
export function isInCgroupNamed(pid: number, name: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'latin1').includes(name);
  } catch {
    return false;
  }
}
