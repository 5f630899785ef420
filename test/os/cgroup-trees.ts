/** Trees of plain files that look like the cgroup hierarchies of a machine. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CgroupLayout, detectCgroups } from '../../src/os/cgroup-layout.ts';

export const KEY = 'abcdefghijklmnop2345';
export const PATH = `/holdfast/i1/${KEY}`;

export class CgroupTree {
  readonly root = mkdtempSync(join(tmpdir(), 'cgroups-'));
  readonly #mounts: string[] = [];
  #membership = '';

  v1(controllers: string, options = 'rw'): this {
    const point = join(this.root, controllers);
    mkdirSync(point);
    this.#mounts.push(`31 23 0:28 / ${point} rw - cgroup cgroup ${options},${controllers}`);
    return this;
  }

  v2(controllers: string, { options = 'rw', own = '/' } = {}): this {
    const point = join(this.root, 'unified');
    mkdirSync(point);
    this.file('unified/cgroup.controllers', controllers);
    this.file('unified/cgroup.subtree_control', '');
    this.#mounts.push(`41 31 0:38 / ${point} ${options} - cgroup2 cgroup2 ${options}`);
    this.#membership += `0::${own}\n`;
    return this;
  }

  /** A line of /proc/self/cgroup. */
  member(line: string): this {
    this.#membership += `${line}\n`;
    return this;
  }

  file(name: string, text = ''): void {
    const path = join(this.root, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
  }

  detect(isRoot = true): CgroupLayout {
    mkdirSync(join(this.root, 'proc/self'), { recursive: true });
    this.file(
      'proc/self/mountinfo',
      `1 1 8:1 / / rw - ext4 /dev/vda rw\n${this.#mounts.join('\n')}\n`,
    );
    this.file('proc/self/cgroup', this.#membership);
    return detectCgroups(join(this.root, 'proc'), isRoot);
  }

  end(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
