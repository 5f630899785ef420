/** Stands in for `node:fs/promises`: the same calls, each of which takes a moment. */
import { theWorld } from '../world/world.ts';
import * as fs from './fs.ts';

function later<T>(label: string, work: () => T): Promise<T> {
  const world = theWorld();
  const owner = world.current;
  return new Promise((resolve, reject) => {
    world.scheduler.after(world.latencyMs, owner, label, () => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
  });
}

export const constants = fs.constants;
export const access = (path: string) => later('access', () => fs.accessSync(path));
export const chmod = () => later('chmod', () => undefined);
export const lstat = (path: string) => later('lstat', () => fs.lstatSync(path));
export const stat = (path: string) => later('stat', () => fs.statSync(path));
export const statfs = (path: string) => later('statfs', () => fs.statfsSync(path));
export const readFile = (path: string) => later('readFile', () => fs.readFileSync(path));
export const readlink = (path: string) => later('readlink', () => fs.readlinkSync(path));
export const readdir = (path: string) => later('readdir', () => fs.readdirSync(path));
export const unlink = (path: string) => later('unlink', () => fs.unlinkSync(path));
export const rmdir = (path: string) => later('rmdir', () => fs.rmdirSync(path));
export const mkdir = (path: string, options?: { recursive?: boolean }) =>
  later('mkdir', () => fs.mkdirSync(path, options));
export const rename = (from: string, to: string) => later('rename', () => fs.renameSync(from, to));
export const rm = (path: string, options?: { recursive?: boolean; force?: boolean }) =>
  later('rm', () => fs.rmSync(path, options));
export const writeFile = (path: string, text: string) =>
  later('writeFile', () => fs.writeFileSync(path, text));

/** A file that is written piece by piece only to take up room; directories, which have numbers, are held by nobody. */
export const open = (path: string, flags: string | number) =>
  later('open', () => {
    if (typeof flags === 'number') throw Object.assign(new Error('EIO: open'), { code: 'EIO' });
    const fd = fs.openSync(path, flags);
    return {
      write: (_bytes: Uint8Array, _offset: number, length: number) =>
        later('write', () => {
          fs.writeSync(fd, 'x');
          return { bytesWritten: length };
        }),
      close: () => later('close', () => fs.closeSync(fd)),
    };
  });
