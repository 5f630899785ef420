/** Finds logmon hosts for output that nobody collects: those that live and have room, then new ones. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '../../os/process-identity.ts';
import { hostDirectory, readAddress } from '../../rpc/address-file.ts';
import { recordedEpoch } from '../../rpc/epoch-guard.ts';
import { call } from '../../rpc/framed-client.ts';
import type { CollectRequest } from '../../rpc/gen/holdfast/logmon/v1/logmon.ts';
import { LOGMON_PROTOCOL, logmonMethods } from '../../rpc/logmon-methods.ts';
import { hostRoom } from '../../rpc/host-room.ts';
import { findHost, spawnHost, type Host, type HostRequest } from '../../rpc/spawn-host.ts';
import type { HeirDoors } from './heir.ts';

const CALL_DEADLINE_MS = 10_000;
const HELLO_DEADLINE_MS = 5_000;

/** Throws when one of them could not be handed over; those that could be are collected from then on. */
export async function handOver(wishes: readonly CollectRequest[], doors: HeirDoors): Promise<void> {
  const { stateDir, instanceId, tasksPerHost } = doors;
  const agentEpoch = recordedEpoch(stateDir);
  const base = { stateDir, kind: 'logmon', instanceId, agentEpoch, tasksPerHost } as const;
  let rest = wishes.map((wish) => ({ ...wish, agentEpoch }));
  for (const host of await liveHosts(base, doors.machineEpoch)) {
    const room = Math.max(0, roomOf(host, tasksPerHost) - (host.greeting.tasks ?? 0));
    await hand(host, rest.slice(0, room), doors);
    rest = rest.slice(room);
  }
  while (rest.length > 0) {
    const host = await startHost(base, doors);
    // crash point: executor.heir.up
    const room = roomOf(host, tasksPerHost);
    await hand(host, rest.slice(0, room), doors);
    rest = rest.slice(room);
  }
}

type BaseRequest = Omit<HostRequest, 'hostId'>;

/** One that does not answer may hang or be about to end: it is no help, and the next agent sees to it. */
async function liveHosts(base: BaseRequest, machineEpoch: string): Promise<readonly Host[]> {
  const ids = readdirSync(join(base.stateDir, 'hosts'));
  const found = await Promise.allSettled(
    ids.map(async (hostId) => {
      const address = await readAddress(hostDirectory(base.stateDir, hostId));
      if (address?.kind !== 'logmon' || isAlive(address, machineEpoch) === 'dead') return [];
      const host = await findHost({ ...base, hostId, deadlineMs: HELLO_DEADLINE_MS });
      return host.greeting.protocol >= LOGMON_PROTOCOL ? [host] : [];
    }),
  );
  return found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
}

function roomOf({ address }: Host, tasksPerHost: number): number {
  return Math.min(tasksPerHost, hostRoom('logmon', address.pid));
}

/** Eight letters as every host's, and no other's: hosts are started one at a time. */
async function startHost(base: BaseRequest, { log }: HeirDoors): Promise<Host> {
  // A host's environment says little, and this is in it.
  const compileCache = process.env['NODE_COMPILE_CACHE'];
  const hostId = Date.now().toString(36);
  const host = await spawnHost({ ...base, hostId, compileCache });
  log('logmon-host-started', { host: host.address.hostId, pid: host.address.pid });
  return host;
}

async function hand(
  host: Host,
  wishes: readonly CollectRequest[],
  { log }: HeirDoors,
): Promise<void> {
  const options = { deadlineMs: CALL_DEADLINE_MS };
  const ask = (wish: CollectRequest) => call(host.channel, logmonMethods.collect, wish, options);
  const answers = await Promise.allSettled(wishes.map(ask));
  // crash point: executor.heir.handed
  host.channel.close();
  const failed = answers.filter((answer) => answer.status === 'rejected');
  const tasks = answers.length - failed.length;
  if (tasks > 0) log('output-handed-over', { host: host.address.hostId, tasks });
  if (failed[0] !== undefined) throw failed[0].reason;
}
