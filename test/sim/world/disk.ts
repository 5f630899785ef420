/**
 * The file system of the simulated machine, in two copies: what everybody sees, and what a power cut leaves. Like
 * ext4's, names are journalled in order and any fsync writes the journal out; what a file holds is safe only once that
 * file was synced. FIFOs lose what is in them with their last holder.
 */
import type { Chance } from '../chance.ts';
import type { Life } from '../scheduler.ts';

export interface Fifo {
  /** Lines or bytes that were written and not read. */
  readonly waiting: string[];
  readonly readers: Set<OpenFile>;
  readonly writers: Set<OpenFile>;
}

export interface Inode {
  readonly kind: 'file' | 'dir' | 'fifo';
  text: string;
  /** What is in it after a power cut; undefined: anything from nothing to all of `text`. */
  synced: string | undefined;
  mtimeMs: number;
  readonly fifo: Fifo | undefined;
}

export interface OpenFile {
  readonly fd: number;
  readonly inode: Inode;
  readonly owner: Life;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  /** Told of every change of a FIFO: bytes came, or the last writer left. */
  wake: (() => void) | undefined;
  /** Of the master of a terminal: where what is typed is written. */
  typing?: OpenFile;
}

/** How many more writes the room of the ballast file is good for. */
const BALLAST_WRITES = 60;

type NameChange = readonly [path: string, inode: Inode | undefined];

export class Disk {
  /** Nothing can be written that takes room. */
  isFull = false;
  /** How much may still be written although it is full: what somebody gave up for it. */
  spareWrites = 0;
  readonly #names = new Map<string, Inode>([['/', inodeOf('dir', 0)]]);
  #kept: Map<string, Inode> = new Map(this.#names);
  #journal: NameChange[] = [];
  readonly #open = new Map<number, OpenFile>();
  readonly #locks = new Map<Inode, OpenFile>();
  #lastFd = 100;

  get paths(): readonly string[] {
    return [...this.#names.keys()];
  }
  find(path: string): Inode | undefined {
    return this.#names.get(path);
  }
  opened(fd: number): OpenFile | undefined {
    return this.#open.get(fd);
  }

  make(path: string, kind: Inode['kind'], nowMs: number): Inode {
    const made = inodeOf(kind, nowMs);
    this.#name(path, made);
    return made;
  }

  link(path: string, inode: Inode): void {
    this.#name(path, inode);
  }

  unlink(path: string): void {
    if (this.isFull && path.endsWith('/ballast')) this.spareWrites += BALLAST_WRITES;
    this.#name(path, undefined);
  }

  rename(from: string, to: string): void {
    for (const path of this.paths) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      const inode = this.#names.get(path) as Inode;
      this.#name(path, undefined);
      this.#name(to + path.slice(from.length), inode);
    }
  }

  #name(path: string, inode: Inode | undefined): void {
    if (inode === undefined) this.#names.delete(path);
    else this.#names.set(path, inode);
    this.#journal.push([path, inode]);
  }

  /** Names of what is in a directory. */
  list(dir: string): readonly string[] {
    const prefix = dir === '/' ? '/' : `${dir}/`;
    const found: string[] = [];
    for (const path of this.#names.keys()) {
      if (path.length <= prefix.length || !path.startsWith(prefix)) continue;
      const name = path.slice(prefix.length);
      if (!name.includes('/')) found.push(name);
    }
    return found;
  }

  open(inode: Inode, owner: Life, canRead: boolean, canWrite: boolean): OpenFile {
    this.#lastFd += 1;
    const file: OpenFile = { fd: this.#lastFd, inode, owner, canRead, canWrite, wake: undefined };
    this.#open.set(file.fd, file);
    if (canRead) inode.fifo?.readers.add(file);
    if (canWrite) inode.fifo?.writers.add(file);
    return file;
  }

  /** As flock(2): false when another open file has the lock. */
  lock(file: OpenFile): boolean {
    const holder = this.#locks.get(file.inode) ?? file;
    if (holder === file) this.#locks.set(file.inode, file);
    return holder === file;
  }

  unlock(file: OpenFile): void {
    if (this.#locks.get(file.inode) === file) this.#locks.delete(file.inode);
  }

  close(file: OpenFile): void {
    this.#open.delete(file.fd);
    this.unlock(file);
    const { fifo } = file.inode;
    if (fifo === undefined) return;
    fifo.readers.delete(file);
    const wasWriter = fifo.writers.delete(file);
    if (fifo.readers.size + fifo.writers.size === 0) fifo.waiting.length = 0;
    else if (wasWriter && fifo.writers.size === 0) this.wake(fifo);
  }

  /** Closes what one process has open of a file. */
  closeOne(inode: Inode | undefined, owner: Life): void {
    const mine = [...this.#open.values()].filter((one) => one.owner === owner);
    for (const file of mine) if (file.inode === inode) this.close(file);
  }

  wake(fifo: Fifo): void {
    for (const reader of fifo.readers) reader.wake?.();
  }

  /** There is room again. */
  tellWriters(fifo: Fifo): void {
    for (const writer of fifo.writers) writer.wake?.();
  }

  /** A process ended: the kernel closes what it had open. */
  closeAll(owner: Life): void {
    for (const file of this.#open.values()) if (file.owner === owner) this.close(file);
  }

  sync(inode: Inode): void {
    if (inode.kind === 'file') inode.synced = inode.text;
    this.commit();
  }

  /** The journal of names reaches the disk. */
  commit(): void {
    for (const [path, inode] of this.#journal) keep(this.#kept, path, inode);
    this.#journal = [];
  }

  /** The power goes: names as of some moment since the last sync, files as they were synced, or torn. */
  powerCut(chance: Chance): void {
    this.#open.clear();
    this.#locks.clear();
    const reached = chance.below(this.#journal.length + 1);
    for (const [path, inode] of this.#journal.slice(0, reached)) keep(this.#kept, path, inode);
    this.#journal = [];
    this.#names.clear();
    for (const [path, inode] of this.#kept) {
      const text = afterCut(inode, chance);
      const left: Inode = { ...inodeOf(inode.kind, inode.mtimeMs), text, synced: text };
      this.#names.set(path, left);
    }
    this.#kept = new Map(this.#names);
  }
}

function keep(names: Map<string, Inode>, path: string, inode: Inode | undefined): void {
  if (inode === undefined) names.delete(path);
  else names.set(path, inode);
}

function afterCut(inode: Inode, chance: Chance): string {
  const { text, synced } = inode;
  if (synced === text || inode.kind !== 'file') return synced ?? '';
  const kind = chance.below(3);
  if (kind === 0) return text;
  return kind === 1 ? (synced ?? '') : text.slice(0, chance.below(text.length + 1));
}

export function inodeOf(kind: Inode['kind'], nowMs: number): Inode {
  const fifo =
    kind === 'fifo'
      ? { waiting: [], readers: new Set<OpenFile>(), writers: new Set<OpenFile>() }
      : undefined;
  return { kind, text: '', synced: kind === 'file' ? undefined : '', mtimeMs: nowMs, fifo };
}
