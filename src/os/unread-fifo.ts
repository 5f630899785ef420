import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { bytesWaiting } from './pipes.ts';

/** How many bytes wait in the FIFO of that name; 0 when there is none. Nobody who reads or writes it notices. */
export function bytesUnread(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return 0;
  }
  try {
    return fstatSync(fd).isFIFO() ? bytesWaiting(fd) : 0;
  } finally {
    closeSync(fd);
  }
}
