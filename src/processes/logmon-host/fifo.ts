import { closeSync, fstatSync, statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

import { HoldfastError } from '../../errors.ts';
import { openFifoOrLost } from '../../os/lost-fifo.ts';
import { pipeBytesPerUser, setPipeSize, tryLock } from '../../os/pipes.ts';
import { cannotOpen } from './cannot-write.ts';

/** A killed pump keeps its lock until the kernel has cleaned up after it; a living one keeps it longer than this. */
const LOCK_PATIENCE_MS = 2_000;
const LOCK_RETRY_MS = 20;

const LARGE_BYTES = 1_048_576;
const MEDIUM_BYTES = 262_144;

/**
 * Opens a FIFO for the one pump that may read it. It is opened read-write, so that there is always a writer: the end
 * of the last program is then no end of file, which epoll would report for ever, and bytes survive a moment at which
 * nobody else has it open. One whose name was removed is found by whoever holds it.
 * Throws NOT_FOUND when there is none, WRONG_STATE (retryable) when another pump reads it, RESOURCES_EXHAUSTED.
 */
export async function openFifo(path: string): Promise<number> {
  const fd = openOrThrow(path);
  try {
    if (!fstatSync(fd).isFIFO()) throw notAFifo(path);
    await lockOrThrow(fd, path);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openOrThrow(path: string): number {
  try {
    return openFifoOrLost(path);
  } catch (error) {
    throw cannotOpen(`cannot open the FIFO ${path}`, error);
  }
}

/** Is there another FIFO by now where this one was opened? One that is missing is no other one. */
export function isAnother(path: string, fd: number): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isFIFO() !== true) return false;
  const open = fstatSync(fd);
  return there.ino !== open.ino || there.dev !== open.dev;
}

function notAFifo(path: string): HoldfastError {
  return new HoldfastError('WRONG_STATE', `${path} is not a FIFO`, { details: { path } });
}

async function lockOrThrow(fd: number, path: string): Promise<void> {
  for (const until = performance.now() + LOCK_PATIENCE_MS; !tryLock(fd);) {
    if (performance.now() > until) {
      throw new HoldfastError('WRONG_STATE', `another logmon collects from ${path}`, {
        retryable: true,
        details: { path },
      });
    }
    await setTimeout(LOCK_RETRY_MS);
  }
}

/**
 * How large the next pipe may become when `grantedBytes` went to others already. A large pipe is faster, but what one
 * user's pipes may hold together is limited, and beyond the limit every new pipe of that user, also inside a task, is
 * born with two pages. So the first sixteenths are given generously and half is never touched.
 */
export function pipeSizeFor(grantedBytes: number, perUserBytes: number): number | undefined {
  if (grantedBytes + LARGE_BYTES <= perUserBytes / 4) return LARGE_BYTES;
  if (grantedBytes + MEDIUM_BYTES <= perUserBytes / 2) return MEDIUM_BYTES;
  return undefined;
}

/** Hands out pipe sizes to the FIFOs of one host. */
export class PipeBudget {
  readonly #perUserBytes = pipeBytesPerUser();
  #grantedBytes = 0;

  /** Widens a FIFO as far as is fair; returns what it got, for `giveBack`. */
  widen(fd: number): number {
    const wanted = pipeSizeFor(this.#grantedBytes, this.#perUserBytes);
    const got = wanted === undefined ? 0 : setPipeSize(fd, wanted);
    this.#grantedBytes += got;
    return got;
  }

  giveBack(bytes: number): void {
    this.#grantedBytes -= bytes;
  }
}
