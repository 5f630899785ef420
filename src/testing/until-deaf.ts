/** Programs that take no notice of SIGTERM do so only a moment after they began. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Driver, DriverDoors, RunRequest } from '../drivers/driver.ts';

export const DEAF_SCRIPT = 'trap "" TERM; while :; do sleep 0.1; done';

const TERM_BIT = 1n << 14n;

export async function untilDeaf(
  { driver, doors }: { readonly driver: Driver; readonly doors: DriverDoors },
  run: RunRequest,
): Promise<void> {
  const { process } = await driver.inspect(run, doors);
  for (;;) {
    const status = readFileSync(`/proc/${process?.pid}/status`, 'utf8');
    const ignored = /^SigIgn:\s*(\w+)$/m.exec(status)?.[1];
    if ((BigInt(`0x${ignored}`) & TERM_BIT) !== 0n) return;
    await delay(10);
  }
}
