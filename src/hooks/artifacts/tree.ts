/**
 * A tree of files in the making, out of what an archive or a directory holds. Nobody but the agent comes to the place
 * where it is made. Links are made last, so that nothing is written through one; what leads out is refused, and so is
 * what becomes larger than it may.
 */
import { createWriteStream } from 'node:fs';
import { chmod, link, mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { entrySteps, leadsOut } from './entry-path.ts';
import { diskFault, refused } from './faults.ts';
import { RATIO_FREE_BYTES } from './rules.ts';

export interface TreeLimits {
  readonly maxBytes: number;
  readonly maxEntries: number;
  readonly maxRatio: number;
  /** Size of the archive; 0: it is none. */
  readonly packedBytes: number;
}

export class Tree {
  readonly #root: string;
  readonly #limits: TreeLimits;
  readonly #links = new Map<string, string>();
  readonly #files = new Set<string>();
  #bytes = 0;
  #entries = 0;

  constructor(root: string, limits: TreeLimits) {
    this.#root = root;
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async directory(name: string): Promise<void> {
    this.#countEntry();
    await this.#make(this.#steps(name));
  }

  /** Of `mode` the bits of rwx are kept: nothing that is fetched makes somebody else of whoever starts it. */
  async file(name: string, mode: number, content: Readable): Promise<void> {
    this.#countEntry();
    const path = this.#place(name);
    await this.#make(path.slice(0, -1));
    const file = join(this.#root, ...path);
    try {
      await pipeline(content, this.#counting(), createWriteStream(file, { mode: 0o600 }));
      await chmod(file, (mode & 0o777) | 0o400);
    } catch (error) {
      throw diskFault(`cannot unpack "${name}"`, error);
    }
    this.#files.add(path.join('/'));
  }

  symbolicLink(name: string, target: string): void {
    this.#countEntry();
    if (target === '') throw refused(`"${name}" is a link to nothing`);
    this.#links.set(this.#place(name).join('/'), target);
  }

  /** To a file of this tree that has been written. */
  async hardLink(name: string, target: string): Promise<void> {
    this.#countEntry();
    const path = this.#place(name);
    const first = entrySteps(target)?.join('/');
    if (first === undefined || !this.#files.has(first)) {
      throw refused(`"${name}" is a hard link to "${target}", which is no file of the archive`);
    }
    await this.#make(path.slice(0, -1));
    try {
      await link(join(this.#root, first), join(this.#root, ...path));
    } catch (error) {
      throw diskFault(`cannot unpack "${name}"`, error);
    }
    this.#files.add(path.join('/'));
  }

  /** What is neither file, directory nor link, such as a device. */
  refuse(name: string, kind: string): never {
    throw refused(`"${name}" is a ${kind}, which is not unpacked`);
  }

  /** Makes the links. Nothing may be added any more. */
  async finish(): Promise<void> {
    for (const [path, target] of this.#links) {
      const above = path.split('/').slice(0, -1);
      const isBelowLink = above.some((_step, at) =>
        this.#links.has(above.slice(0, at + 1).join('/')),
      );
      // It would be made elsewhere than its name says, and lead elsewhere from there.
      if (isBelowLink) throw refused(`"${path}" is below what is a link in the same archive`);
      if (leadsOut(path, target, this.#links)) {
        throw refused(`"${path}" is a link that leads out of the archive, to "${target}"`);
      }
    }
    for (const [path, target] of this.#links) {
      await this.#make(dirname(path) === '.' ? [] : dirname(path).split('/'));
      try {
        await symlink(target, join(this.#root, path));
      } catch (error) {
        throw diskFault(`cannot unpack "${path}"`, error);
      }
    }
  }

  /** Throws when there is more than may be. */
  count(bytes: number): void {
    this.#bytes += bytes;
    const { maxBytes, maxRatio, packedBytes } = this.#limits;
    if (this.#bytes > maxBytes) throw refused(`holds more than the ${maxBytes} bytes allowed`);
    const isBomb = packedBytes > 0 && this.#bytes > packedBytes * maxRatio;
    if (isBomb && this.#bytes > RATIO_FREE_BYTES) {
      throw refused(`becomes more than ${maxRatio} times as large as it is: a bomb`);
    }
  }

  #countEntry(): void {
    this.#entries += 1;
    const { maxEntries } = this.#limits;
    if (this.#entries > maxEntries)
      throw refused(`holds more than the ${maxEntries} files allowed`);
  }

  #counting(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        try {
          this.count(chunk.length);
          done(null, chunk);
        } catch (error) {
          done(error as Error);
        }
      },
    });
  }

  #steps(name: string): readonly string[] {
    const steps = entrySteps(name);
    if (steps === undefined) throw refused(`"${name}" leads out of the archive`);
    return steps;
  }

  #place(name: string): readonly string[] {
    const steps = this.#steps(name);
    if (steps.length === 0) throw refused(`"${name}" is no name of a file`);
    return steps;
  }

  async #make(steps: readonly string[]): Promise<void> {
    try {
      await mkdir(join(this.#root, ...steps), { recursive: true, mode: 0o755 });
    } catch (error) {
      throw diskFault(`cannot unpack "${steps.join('/')}"`, error);
    }
  }
}
