import { closeSync, constants, fchmodSync, fstatSync, openSync } from 'node:fs';

import { errnoOf } from '../../errors.ts';

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;

/** What opening says of a name that a directory, a link, a socket or a FIFO without a reader has, or that is free. */
const NOT_OURS = new Set(['EISDIR', 'ELOOP', 'EACCES', 'ENXIO', 'ENOENT', 'ENODEV']);

/**
 * Opens a file among the output of a task: never through a link, never waiting for anybody. Undefined when there is
 * none, and when what has the name is no file of ours. Throws what else open(2) says, such as ENOSPC and EEXIST.
 */
export function openOwn(path: string, flags: number, mode = 0): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, mode);
  } catch (error) {
    if (NOT_OURS.has(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
  const found = fstatSync(fd);
  // A file with another name as well may be somebody else's.
  if (!found.isFile() || found.nlink > 1) {
    closeSync(fd);
    return undefined;
  }
  // Whatever the umask: whoever comes to the directory may read logs.
  if ((flags & O_CREAT) !== 0) fchmodSync(fd, mode);
  return fd;
}
