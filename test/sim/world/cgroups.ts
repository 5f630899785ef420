/**
 * The cgroup hierarchy of the simulated machine, version 2 without controllers: directories, who is in them, and the
 * one word that ends all of it.
 */
import type { Process, Processes } from './processes.ts';

/** Where it is mounted. */
const POINT = '/sys/fs/cgroup';
export const CGROUP_MOUNT = `31 23 0:28 / ${POINT} rw - cgroup2 cgroup2 rw\n`;

export class Cgroups {
  readonly #processes: Processes;
  #dirs = new Set(['']);

  constructor(processes: Processes) {
    this.#processes = processes;
  }

  /** The path below the mount point; undefined for one that is not there. */
  static pathOf(path: string): string | undefined {
    return path === POINT || path.startsWith(`${POINT}/`) ? path.slice(POINT.length) : undefined;
  }

  isDirectory(path: string): boolean {
    return this.#dirs.has(path);
  }

  make(path: string): void {
    this.#dirs.add(path);
  }

  /** False while something is in it or below it. */
  remove(path: string): boolean {
    const isBusy = this.membersOf(path).length > 0 || this.childrenOf(path).length > 0;
    return !isBusy && this.#dirs.delete(path);
  }

  childrenOf(path: string): readonly string[] {
    return [...this.#dirs]
      .filter((dir) => dir.startsWith(`${path}/`) && !dir.includes('/', path.length + 1))
      .map((dir) => dir.slice(path.length + 1));
  }

  /** Living ones in it or below it. */
  membersOf(path: string): readonly Process[] {
    return this.#processes.living.filter(({ cgroup }) => `${cgroup}/`.startsWith(`${path}/`));
  }

  /** The text of a file; undefined where there is none. */
  textOf(path: string): string | undefined {
    const at = path.lastIndexOf('/');
    const dir = path.slice(0, at);
    if (!this.#dirs.has(dir)) return undefined;
    switch (path.slice(at + 1)) {
      case 'cgroup.procs': {
        const own = this.#processes.living.filter(({ cgroup }) => cgroup === dir);
        return own.map(({ pid }) => `${pid}\n`).join('');
      }
      case 'cgroup.events':
        return dir === '' ? undefined : `populated ${Math.min(1, this.membersOf(dir).length)}\n`;
      case 'cgroup.controllers':
      case 'cgroup.subtree_control':
        return '\n';
      case 'cgroup.kill':
        return dir === '' ? undefined : '';
      default:
        return undefined;
    }
  }

  /** With the machine all of it is gone. */
  reset(): void {
    this.#dirs = new Set(['']);
  }
}
