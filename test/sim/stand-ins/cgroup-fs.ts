/** The calls of `node:fs` below the mount point of the simulated cgroups: no disk is behind them. */
import { posix } from 'node:path';
import { Cgroups } from '../world/cgroups.ts';
import { theWorld } from '../world/world.ts';

/** As far as it is asked for. */
export interface DirectoryEntry {
  readonly name: string;
  isDirectory(): boolean;
}

export function isCgroupPath(path: string): boolean {
  return Cgroups.pathOf(path) !== undefined;
}

function below(path: string): string {
  return Cgroups.pathOf(path) ?? '';
}

function failed(errno: string, call: string, path: string): Error {
  return Object.assign(new Error(`${errno}: ${call} '${path}'`), { code: errno });
}

/** Its process may die before or after it. */
function change(call: string, path: string, work: (cgroups: Cgroups) => void): void {
  const world = theWorld();
  world.interrupt(`before ${call} ${path}`);
  work(world.cgroups);
  world.note(`${call} ${path}`);
  world.interrupt(`after ${call} ${path}`);
}

export function makeCgroup(path: string, recursive: boolean): void {
  const { cgroups } = theWorld();
  if (cgroups.isDirectory(below(path))) {
    if (recursive) return;
    throw failed('EEXIST', 'mkdir', path);
  }
  const parent = posix.dirname(path);
  if (recursive) makeCgroup(parent, true);
  else if (!cgroups.isDirectory(below(parent))) throw failed('ENOENT', 'mkdir', path);
  change('mkdir', path, () => cgroups.make(below(path)));
}

export function removeCgroup(path: string): void {
  if (!theWorld().cgroups.isDirectory(below(path))) throw failed('ENOENT', 'rmdir', path);
  change('rmdir', path, (cgroups) => {
    if (!cgroups.remove(below(path))) throw failed('EBUSY', 'rmdir', path);
  });
}

export function cgroupEntries(path: string): DirectoryEntry[] {
  const { cgroups } = theWorld();
  if (!cgroups.isDirectory(below(path))) throw failed('ENOENT', 'readdir', path);
  return cgroups.childrenOf(below(path)).map((name) => ({ name, isDirectory: () => true }));
}

export function hasCgroupFile(path: string): boolean {
  const { cgroups } = theWorld();
  return cgroups.isDirectory(below(path)) || cgroups.textOf(below(path)) !== undefined;
}

export function readCgroupFile(path: string): string {
  const text = theWorld().cgroups.textOf(below(path));
  if (text === undefined) throw failed('ENOENT', 'open', path);
  return text;
}

/** Only one word is understood: whoever is in it or below it is killed. */
export function writeCgroupFile(path: string): void {
  readCgroupFile(path);
  change('write', path, (cgroups) => {
    if (!path.endsWith('/cgroup.kill')) throw failed('EINVAL', 'write', path);
    const { processes, current } = theWorld();
    for (const { pid } of cgroups.membersOf(below(posix.dirname(path)))) {
      processes.signal(pid, 'SIGKILL', current);
    }
  });
}
