/** What a path means below a root of its own, seen from outside: mounts and symbolic links are followed as inside. */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';

export interface BoundPlace {
  readonly source: string;
  readonly destination: string;
}

export interface FoundPlace {
  readonly host: string;
  /** Its path inside without links. */
  readonly inside: string;
  readonly stats: Stats;
}

/** As many as the kernel follows. */
const MOST_LINKS = 40;

export class TaskRoot {
  readonly #root: string;
  /** The deepest first. */
  readonly #binds: readonly BoundPlace[];

  /** `root` is a directory of the machine; of two binds with one destination the later one holds. */
  constructor(root: string, binds: readonly BoundPlace[]) {
    this.#root = root;
    const depth = ({ destination }: BoundPlace): number => destination.split('/').length;
    this.#binds = binds.toReversed().toSorted((one, other) => depth(other) - depth(one));
  }

  /** Where on the machine the file is that `path` (absolute) means inside; undefined when there is none. */
  find(path: string): FoundPlace | undefined {
    let links = 0;
    let at = '/';
    const rest = path.split('/').filter(isName);
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
      if (name === '..') {
        at = join(at, '..');
        continue;
      }
      const next = join(at, name);
      const link = this.#linkAt(next);
      if (link === undefined) {
        at = next;
        continue;
      }
      links += 1;
      if (links > MOST_LINKS) return undefined;
      rest.unshift(...link.split('/').filter(isName));
      if (link.startsWith('/')) at = '/';
    }
    const host = this.#hostPath(at);
    const stats = look(host);
    return stats && { host, inside: at, stats };
  }

  /** What is bound is itself no link inside, whatever lies below it. */
  #linkAt(path: string): string | undefined {
    if (this.#binds.some(({ destination }) => destination === path)) return undefined;
    const host = this.#hostPath(path);
    return look(host)?.isSymbolicLink() === true ? readlinkSync(host) : undefined;
  }

  #hostPath(path: string): string {
    const bind = this.#binds.find(
      ({ destination }) => path === destination || path.startsWith(`${destination}/`),
    );
    if (bind === undefined) return join(this.#root, path);
    return join(bind.source, path.slice(bind.destination.length));
  }
}

function isName(part: string): boolean {
  return part !== '' && part !== '.';
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
