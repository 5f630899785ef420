/** Learns that a host has died, from its connection and never from a pid alone. */
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from '../os/process-identity.ts';
import type { Host } from './spawn-host.ts';

/** A process that ends closes its sockets a little before it is gone. */
const LOOK_AGAIN_MS = 10;

/**
 * Resolves when the host's process has ended, or when `signal` aborts. A connection that breaks is only the hint; the
 * process's identity decides, and one that cannot be looked up is waited for. Should a connection break under a living
 * host, its calls have failed with UNAVAILABLE, the channel connects anew, and whoever followed follows again.
 */
export async function untilLost(
  { channel, address }: Pick<Host, 'channel' | 'address'>,
  machineEpoch: string,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await channel.untilBroken(signal);
    if (signal.aborted || isAlive(address, machineEpoch) === 'dead') return;
    await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    if (isAlive(address, machineEpoch) !== 'dead') await channel.reconnect();
  }
}
