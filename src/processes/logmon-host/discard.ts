/** Throws bytes of a FIFO away, for a task whose output may be dropped rather than wait. */
import { closeSync, openSync } from 'node:fs';

import { bytesWaiting, pipeSize, spliceToFile } from '../../os/pipes.ts';
import type { Mover } from './mover.ts';
import type { Preview } from './preview.ts';

const NEWLINE = 10;

/** A pipe is full when its pages are, which odd portions half fill: more than a quarter in bytes may be half of it. */
const KEPT_SHARE = 0.25;

/** Where the bytes are: in a FIFO, and some perhaps on their way from it. */
export interface Source {
  readonly fifo: number;
  readonly mover: Mover;
  readonly preview: Preview;
}

/** How many bytes have to go so that a program has room to write; 0 when it has. All but `keepBytes` if given. */
export function surplusBytes({ fifo, mover }: Source, keepBytes?: number): number {
  const waiting = bytesWaiting(fifo);
  const keep = keepBytes ?? pipeSize(fifo) * KEPT_SHARE;
  // What has left the FIFO already is the oldest, and goes with it.
  return waiting > keep ? Math.ceil(waiting - keep) + mover.pendingBytes : 0;
}

/**
 * Throws so many bytes away, and the rest of the last line if its end can be seen. `about` is called before each time
 * with how many will go. Returns how many went.
 */
export function discard(
  { fifo, mover, preview }: Source,
  bytes: number,
  about: (bytes: number) => void,
): number {
  about(bytes);
  const pending = mover.pendingBytes;
  mover.forget();
  const gone = pending + swallow(fifo, bytes - pending);
  const rest = preview.look(fifo, 65_536).indexOf(NEWLINE) + 1;
  if (rest === 0) return gone;
  about(rest);
  return gone + swallow(fifo, rest);
}

/** There is one reader, and it knows that they are there. */
function swallow(fifo: number, bytes: number): number {
  const nowhere = openSync('/dev/null', 'w');
  try {
    let gone = 0;
    while (gone < bytes) {
      const count = spliceToFile(fifo, nowhere, 0, bytes - gone);
      if (count <= 0) break;
      gone += count;
    }
    return gone;
  } finally {
    closeSync(nowhere);
  }
}
