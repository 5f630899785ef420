import { closeSync, constants, openSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { ERRNO, openPipe, spliceToFile } from '../../os/pipes.ts';
import { CopyMover } from './copy-pump.ts';

/** How the bytes of one stream get from its FIFO into a file. */
export interface Mover {
  readonly way: 'splice' | 'copy';
  /** Bytes that have left the FIFO and are in no file yet. They are moved by asking for exactly so many. */
  readonly pendingBytes: number;
  /** Moves up to `bytes` to `offset` of `file`. Returns the count, or `-errno`; EAGAIN means the FIFO is empty. */
  move(fifo: number, file: number, offset: number, bytes: number): number;
  /** Throws away what is pending. */
  forget(): void;
}

/** One system call from FIFO to file: there is no moment at which a kill could lose a byte. */
export const spliceMover: Mover = {
  way: 'splice',
  pendingBytes: 0,
  move: spliceToFile,
  forget: () => undefined,
};

const answers = new Map<number, boolean>();

/** Splice where the file system of `dir` can, else a copy. Found out by trying, once for each file system. */
export function chooseMover(dir: string): Mover {
  const { dev } = statSync(dir);
  let works = answers.get(dev);
  if (works === undefined) {
    works = spliceWorksIn(dir);
    answers.set(dev, works);
  }
  return works ? spliceMover : new CopyMover();
}

function spliceWorksIn(dir: string): boolean {
  const path = join(dir, `.splice-${process.pid}`);
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  unlinkSync(path);
  const pipe = openPipe();
  try {
    writeSync(pipe.writeEnd, 'x');
    return spliceToFile(pipe.readEnd, file, 0, 1) !== -ERRNO.EINVAL;
  } finally {
    for (const fd of [file, pipe.readEnd, pipe.writeEnd]) closeSync(fd);
  }
}
