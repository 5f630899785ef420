/**
 * Stands in for `node:fs`, as far as the agent and the executor host use it: the calls of the simulated machine, each
 * of which may fail, or be the last thing that its process does.
 */
import { constants as real } from 'node:fs';
import { posix } from 'node:path';
import {
  cgroupEntries,
  type DirectoryEntry,
  hasCgroupFile,
  isCgroupPath,
  makeCgroup,
  readCgroupFile,
  removeCgroup,
  writeCgroupFile,
} from './cgroup-fs.ts';
import type { Inode, OpenFile } from '../world/disk.ts';
import { CGROUP_MOUNT } from '../world/cgroups.ts';
import { processNames, procText } from '../world/procfs.ts';
import { takeFrom } from './stream-socket.ts';
import { theWorld, type World } from '../world/world.ts';

export const constants = real;

const FREE_BYTES = 10 * 1024 ** 3;
const BLOCK_BYTES = 4_096;

/** Temporary names are counted over all histories of a thread: they are not what happened. */
function repeatable(path: string): string {
  return path.replaceAll(/\.\d+\.\d+\b/g, '.new');
}

function failed(errno: string, call: string, path: string): Error {
  return Object.assign(new Error(`${errno}: ${call} '${repeatable(path)}'`), {
    code: errno,
    syscall: call,
    path,
  });
}

/** A call that changes something: it may fail, and its process may die before or after it. */
function change<T>(call: string, path: string, work: (world: World) => T): T {
  const world = theWorld();
  const where = `${call} ${repeatable(path)}`;
  world.interrupt(`before ${where}`);
  if (world.faults.strike('ioError', where)) {
    throw failed(world.chance.pick(['EIO', 'EMFILE', 'ENOSPC']), call, path);
  }
  const result = work(world);
  world.note(where);
  world.interrupt(`after ${where}`);
  return result;
}

function needRoom(world: World, call: string, path: string): void {
  const { disk } = world;
  if (!disk.isFull) return;
  if (disk.spareWrites <= 0) throw failed('ENOSPC', call, path);
  disk.spareWrites -= 1;
}

/** A call that only looks: a dead process sees nothing any more. */
function look(call: string, path: string): World {
  const world = theWorld();
  world.interruptDead();
  if (isOfRun(path) && world.faults.strike('blind', `${call} ${path}`)) {
    throw failed('EIO', call, path);
  }
  return world;
}

function isOfRun(path: string): boolean {
  return path.startsWith('/proc/') || path.includes('/run/');
}

function inodeAt(world: World, call: string, path: string): Inode {
  const found = world.disk.find(path);
  if (found === undefined) throw failed('ENOENT', call, path);
  return found;
}

function needParent(world: World, call: string, path: string): void {
  const parent = world.disk.find(posix.dirname(path));
  if (parent?.kind !== 'dir') throw failed('ENOENT', call, path);
}

export function mkdirSync(path: string, options: { recursive?: boolean } = {}): void {
  if (isCgroupPath(path)) return makeCgroup(path, options.recursive === true);
  const world = look('mkdir', path);
  if (options.recursive === true) {
    if (world.disk.find(path) !== undefined) return;
    mkdirSync(posix.dirname(path), options);
  }
  change('mkdir', path, () => {
    if (world.disk.find(path) !== undefined) throw failed('EEXIST', 'mkdir', path);
    needParent(world, 'mkdir', path);
    needRoom(world, 'mkdir', path);
    world.disk.make(path, 'dir', world.wallMs);
  });
}

/** Entries and not names are only asked for of cgroups. */
export function readdirSync(path: string): string[] | DirectoryEntry[] {
  const world = look('readdir', path);
  if (isCgroupPath(path)) return cgroupEntries(path);
  if (path === '/proc') return [...processNames(world.processes)];
  if (inodeAt(world, 'readdir', path).kind !== 'dir') throw failed('ENOTDIR', 'readdir', path);
  return [...world.disk.list(path)];
}

export function readFileSync(path: string | number): string {
  if (typeof path === 'number') return fileOf(path).inode.text;
  // Looked up once in the life of a thread: no history may depend on it.
  if (path === '/proc/self/mountinfo') return CGROUP_MOUNT;
  const world = look('open', path);
  if (isCgroupPath(path)) return readCgroupFile(path);
  if (path.startsWith('/proc/')) {
    const text = procText(world.processes, path, world.self);
    if (text === undefined) throw failed('ENOENT', 'open', path);
    return text;
  }
  const found = inodeAt(world, 'open', path);
  if (found.kind !== 'file') throw failed('EISDIR', 'read', path);
  return found.text;
}

export function readlinkSync(path: string): string {
  theWorld().interruptDead();
  if (path === '/proc/self/ns/pid') return 'pid:[4026531836]';
  throw failed('EINVAL', 'readlink', path);
}

export function realpathSync(path: string): string {
  return path;
}

export function existsSync(path: string): boolean {
  try {
    const world = look('access', path);
    if (isCgroupPath(path)) return hasCgroupFile(path);
    const pid = /^\/proc\/(\d+)$/.exec(path)?.[1];
    if (pid !== undefined) return world.processes.find(Number(pid)) !== undefined;
    return world.disk.find(path) !== undefined;
  } catch {
    return false;
  }
}

function statsOf({ kind, text, mtimeMs }: Inode) {
  return {
    uid: 0,
    mode: kind === 'dir' ? 0o40700 : 0o100600,
    size: text.length,
    mtimeMs,
    isFile: () => kind === 'file',
    isDirectory: () => kind === 'dir',
    isFIFO: () => kind === 'fifo',
    isSymbolicLink: () => false,
  };
}

export function statSync(path: string, options: { throwIfNoEntry?: boolean } = {}) {
  const world = look('stat', path);
  const found = world.disk.find(path);
  if (found !== undefined) return statsOf(found);
  if (options.throwIfNoEntry === false) return undefined;
  throw failed('ENOENT', 'stat', path);
}

export function lstatSync(path: string, options: { throwIfNoEntry?: boolean } = {}) {
  return statSync(path, options);
}

export function fstatSync(fd: number) {
  return statsOf(fileOf(fd).inode);
}

export function statfsSync(_path: string) {
  const { disk } = theWorld();
  const free = disk.isFull ? disk.spareWrites : FREE_BYTES / BLOCK_BYTES;
  return { bsize: BLOCK_BYTES, blocks: 1e7, bavail: free, bfree: free, files: 1e6, ffree: 1e6 };
}

export function accessSync(path: string): void {
  inodeAt(look('access', path), 'access', path);
}

export function chmodSync(): void {}
export function chownSync(): void {}
export function fchmodSync(): void {}
export function fchownSync(): void {}

function fileOf(fd: number): OpenFile {
  const file = theWorld().disk.opened(fd);
  if (file === undefined) throw failed('EBADF', 'fd', String(fd));
  return file;
}

/** Flags as letters or as numbers. */
function meaning(flags: string | number): {
  write: boolean;
  read: boolean;
  make: boolean;
  only: boolean;
} {
  if (typeof flags === 'number') {
    const isReadWrite = (flags & real.O_RDWR) !== 0;
    const isWrite = (flags & real.O_WRONLY) !== 0;
    return {
      write: isReadWrite || isWrite,
      read: !isWrite,
      make: (flags & real.O_CREAT) !== 0,
      only: (flags & real.O_EXCL) !== 0,
    };
  }
  const letter = flags[0];
  return {
    write: letter !== 'r' || flags.includes('+'),
    read: letter === 'r' || flags.includes('+'),
    make: letter !== 'r',
    only: flags.includes('x'),
  };
}

export function openSync(path: string, flags: string | number): number {
  const { write, read, make, only } = meaning(flags);
  const open = (world: World): number => {
    let inode = world.disk.find(path);
    if (inode !== undefined && only && make) throw failed('EEXIST', 'open', path);
    if (inode === undefined) {
      if (!make) throw failed('ENOENT', 'open', path);
      needParent(world, 'open', path);
      needRoom(world, 'open', path);
      inode = world.disk.make(path, 'file', world.wallMs);
    } else if (typeof flags === 'string' && flags.startsWith('w')) {
      inode.text = '';
    }
    if (inode.fifo !== undefined && write && !read && inode.fifo.readers.size === 0) {
      throw failed('ENXIO', 'open', path);
    }
    return world.disk.open(inode, world.current, read, write).fd;
  };
  return make ? change('create', path, open) : open(look('open', path));
}

export function closeSync(fd: number): void {
  const world = theWorld();
  if (world.current.isDead) return;
  world.disk.close(fileOf(fd));
}

export function readSync(fd: number, into: Buffer): number {
  const { inode } = fileOf(fd);
  if (inode.fifo === undefined) return into.write(inode.text);
  const count = takeFrom(inode.fifo, into);
  if (count === 0 && inode.fifo.writers.size > 0) throw failed('EAGAIN', 'read', String(fd));
  return count;
}

/** Writes all of it, or a part of it when its process dies right then. */
export function writeSync(fd: number, bytes: Buffer | string, at = 0): number {
  const text = typeof bytes === 'string' ? bytes : bytes.toString('utf8', at);
  const { inode } = fileOf(fd);
  return change('write', `fd of ${inode.kind}`, (world) => {
    needRoom(world, 'write', String(fd));
    inode.text += text;
    inode.mtimeMs = world.wallMs;
    return Buffer.byteLength(text);
  });
}

/** Only used for what nobody waits for. */
export function writeFile(): void {}

export function writeFileSync(path: string, text: string): void {
  if (isCgroupPath(path)) return writeCgroupFile(path);
  const fd = openSync(path, 'w');
  writeSync(fd, text);
  closeSync(fd);
}

export function appendFileSync(path: string, text: string): void {
  const fd = openSync(path, 'a');
  writeSync(fd, text);
  closeSync(fd);
}

export function fsyncSync(fd: number): void {
  const { inode } = fileOf(fd);
  change('fsync', `fd of ${inode.kind}`, (world) => world.disk.sync(inode));
}
export function fdatasyncSync(fd: number): void {
  fsyncSync(fd);
}

type Done = (error: Error | null) => void;

/** The only asynchronous one that is used with a callback. */
export function fsync(fd: number, done: Done): void {
  const world = theWorld();
  const owner = world.current;
  world.scheduler.after(world.latencyMs, owner, 'fsync', () => {
    try {
      fsyncSync(fd);
      done(null);
    } catch (error) {
      done(error as Error);
    }
  });
}

/** Only containers have links, and nothing of the simulated machine is one. */
export function symlinkSync(): void {
  throw new Error('no links here');
}

export function renameSync(from: string, to: string): void {
  change('rename', `${from} ${to}`, (world) => {
    inodeAt(world, 'rename', from);
    needParent(world, 'rename', to);
    world.disk.rename(from, to);
  });
}

export function linkSync(from: string, to: string): void {
  change('link', to, (world) => {
    const inode = inodeAt(world, 'link', from);
    if (world.disk.find(to) !== undefined) throw failed('EEXIST', 'link', to);
    needParent(world, 'link', to);
    world.disk.link(to, inode);
  });
}

export function unlinkSync(path: string): void {
  change('unlink', path, (world) => {
    inodeAt(world, 'unlink', path);
    world.disk.unlink(path);
  });
}

export function rmdirSync(path: string): void {
  if (isCgroupPath(path)) return removeCgroup(path);
  change('rmdir', path, (world) => {
    inodeAt(world, 'rmdir', path);
    if (world.disk.list(path).length > 0) throw failed('ENOTEMPTY', 'rmdir', path);
    world.disk.unlink(path);
  });
}

export function rmSync(path: string, options: { recursive?: boolean; force?: boolean } = {}): void {
  const world = look('rm', path);
  if (world.disk.find(path) === undefined) {
    if (options.force === true) return;
    throw failed('ENOENT', 'rm', path);
  }
  const below = world.disk.paths.filter((one) => one.startsWith(`${path}/`));
  if (options.recursive === true) for (const one of below.toReversed()) unlinkSync(one);
  unlinkSync(path);
}
