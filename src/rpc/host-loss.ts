/** Learns that a host has died, from its connection and never from a pid alone. */
import { connectivityState } from '@grpc/grpc-js';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from '../os/process-identity.ts';
import type { Host } from './spawn-host.ts';

const LOOK_AGAIN_MS = 50;

/**
 * Resolves when the host's process has ended, or when `signal` aborts. A connection that breaks is only the hint; the
 * process's identity decides, and one that cannot be looked up is waited for.
 */
export async function untilLost(
  { channel, address }: Host,
  machineEpoch: string,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await untilDisturbed(channel, signal);
    if (signal.aborted) return;
    if (isAlive(address, machineEpoch) === 'dead') return;
    // Idle or busy: ask for the connection again, and look again shortly.
    channel.getChannel().getConnectivityState(true);
    await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

function untilDisturbed(channel: Host['channel'], signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const connection = channel.getChannel();
    if (connection.getConnectivityState(false) !== connectivityState.READY) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    connection.watchConnectivityState(connectivityState.READY, Infinity, () => resolve());
  });
}
