import { closeSync, constants, openSync, readSync } from 'node:fs';

const HEAD_BYTES = 256;

/**
 * The program after `#!`, as the kernel reads the first line; a stray carriage return is part of its name. Undefined
 * for a file without one, or that cannot be read: a program may be executable without being readable.
 */
export function interpreterOf(path: string): string | undefined {
  const head = Buffer.alloc(HEAD_BYTES);
  let bytes: number;
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      bytes = readSync(fd, head);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
  const text = head.toString('utf8', 0, bytes);
  return /^#![ \t]*([^ \t\n]+)/.exec(text)?.[1];
}
