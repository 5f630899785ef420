/**
 * Who may start a host of a kind: one process at a time, be it an agent or a host that stands in for one. It finds out
 * what is there, starts what is missing and hands the work over before anybody else looks.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeBelow } from '../os/make-below.ts';
import { tryLock } from '../os/pipes.ts';
import type { HostKind } from './address-file.ts';

/**
 * Longer than a host may take to start. Whoever holds the claim for so long was stopped in the middle of it; then it is
 * passed over, and what two pumps may not do at once is kept apart by the lock of each FIFO.
 */
const PATIENCE_MS = 30_000;
const TRY_AGAIN_MS = 25;

/**
 * Does `work` while nobody else may start hosts of the kind in this state directory. The claim is the lock of a file,
 * which the kernel takes back from a process that ends. Not to be nested. Throws what the system says of the file, and
 * what `work` throws.
 */
export async function underClaim<T>(
  stateDir: string,
  kind: HostKind,
  work: () => Promise<T>,
): Promise<T> {
  const hosts = join(stateDir, 'hosts');
  makeBelow(stateDir, hosts);
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
  const fd = openSync(join(hosts, `${kind}.claim`), flags, 0o600);
  try {
    for (const until = performance.now() + PATIENCE_MS; !tryLock(fd);) {
      if (performance.now() > until) break;
      await delay(TRY_AGAIN_MS);
    }
    return await work();
  } finally {
    closeSync(fd);
  }
}
