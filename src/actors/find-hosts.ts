/** The hosts that others left: those that answer are met again, those that do not are put away. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError, messageOf } from '../errors.ts';
import { isAlive } from '../os/process-identity.ts';
import { type HostAddress, hostDirectory, readAddress } from '../rpc/address-file.ts';
import { findHost, type Host } from '../rpc/spawn-host.ts';
import type { HostPoolDoors } from './host-doors.ts';
import { endHost } from './host-pulse.ts';

/** A host has its address long before, or never. */
const START_PATIENCE_MS = 60_000;

type FindDoors = Omit<HostPoolDoors, 'onUp' | 'perHost' | 'protocol' | 'clock'>;

/** Every host of the kind that lives and answers, but for those `met` before. Directories of dead ones are removed. */
export async function findHosts(
  doors: FindDoors,
  met: ReadonlySet<string>,
): Promise<readonly Host[]> {
  const ids = await readdir(join(doors.stateDir, 'hosts')).catch(() => []);
  const others = ids.filter((hostId) => !met.has(hostId));
  const found = await Promise.all(others.map((hostId) => findOne(doors, hostId)));
  return found.filter((host) => host !== undefined);
}

async function findOne(doors: FindDoors, hostId: string): Promise<Host | undefined> {
  const { stateDir, kind, machineEpoch, instanceId, agentEpoch, logger } = doors;
  const address = await readAddress(hostDirectory(stateDir, hostId));
  if (address === undefined) await removeIfAbandoned(hostDirectory(stateDir, hostId));
  if (address === undefined || address.kind !== kind) return undefined;
  if (isAlive(address, machineEpoch) === 'dead') {
    await putAway(doors, address, 'it had ended before this agent met it');
    return undefined;
  }
  try {
    return await findHost({ stateDir, kind, hostId, instanceId, agentEpoch });
  } catch (error) {
    logger.warn({ hostId, error: messageOf(error) }, 'a host of an earlier agent does not answer');
    const isMute = HoldfastError.is(error, 'TIMEOUT') || HoldfastError.is(error, 'UNAVAILABLE');
    // It would hold the output of its tasks for as long as it lives, and ending a host hurts no task.
    if (isMute && endHost(address, machineEpoch)) {
      await putAway(doors, address, 'it was mute and was ended');
    }
    return undefined;
  }
}

/** A host that ends in order takes its address along; one that is just starting has none yet. */
async function removeIfAbandoned(hostDir: string): Promise<void> {
  const found = await stat(hostDir).catch(() => undefined);
  if (found?.isDirectory() !== true || Date.now() - found.mtimeMs < START_PATIENCE_MS) return;
  await rm(hostDir, { recursive: true, force: true });
}

async function putAway(doors: FindDoors, { hostId }: HostAddress, reason: string): Promise<void> {
  doors.record('HostLost', { hostId, kind: doors.kind, reason });
  await rm(hostDirectory(doors.stateDir, hostId), { recursive: true, force: true });
}
