/** Stands in for `src/rpc/spawn-host.ts`: hosts are processes of the simulated machine that run the real service. */
import { mkdirSync } from './fs.ts';
import { HoldfastError } from '../../../src/errors.ts';
import { hostDirectory, readAddress } from '../../../src/rpc/address-file.ts';
import { hello } from '../../../src/rpc/hello.ts';
import type { Host, HostRequest } from '../../../src/rpc/spawn-host.ts';
import { beginHost, listenerOf } from '../world/hosts.ts';
import { theWorld } from '../world/world.ts';
import { SimulatedChannel, type Listener } from './channel.ts';
import * as globals from './globals.ts';

const BOOT_MS = [20, 60, 60, 200];
const DEADLINE_MS = 10_000;

export async function spawnHost(request: HostRequest): Promise<Host> {
  const { watcher, self } = theWorld();
  const settle = request.kind === 'logmon' ? watcher?.onCollectorStart(self) : undefined;
  try {
    return await spawn(request);
  } finally {
    settle?.();
  }
}

async function spawn(request: HostRequest): Promise<Host> {
  const world = theWorld();
  mkdirSync(hostDirectory(request.stateDir, request.hostId), { recursive: true });
  world.interrupt('before starting a host');
  if (request.kind === 'docker-logger') throw unavailable('this machine has no container engine');
  if (request.kind === 'driver') throw unavailable('this machine has no driver in its own process');
  const kind = `${request.kind} host` as const;
  const isRefused = world.faults.strike('spawnFails', kind);
  const made = isRefused ? undefined : world.spawn({ kind, parent: world.self, leads: true });
  if (made === undefined) throw unavailable(`the ${kind} did not start: EAGAIN`);
  const agent = world.self;
  await new Promise<void>((resolve, reject) => {
    const settle = (work: () => void) => (): void => {
      world.scheduler.after(world.latencyMs, agent, 'a host is seen', work);
    };
    const late = globals.setTimeout(() => {
      if (!made.isDead) world.kill(made, 'it was silent');
      reject(unavailable(`the ${kind} wrote no address in time`));
    }, DEADLINE_MS);
    made.onEnd.push(settle(() => reject(unavailable(`the ${kind} ended`))));
    world.scheduler.after(world.chance.pick(BOOT_MS), made, 'boots', () => {
      beginHost(world, made, request);
      settle(() => {
        globals.clearTimeout(late);
        resolve();
      })();
    });
    world.note(`starts ${made.name}`);
    world.interrupt('after starting a host');
  });
  return findHost(request);
}

export async function findHost(request: HostRequest): Promise<Host> {
  const address = await readAddress(hostDirectory(request.stateDir, request.hostId));
  if (address === undefined) throw unavailable(`host ${request.hostId} left no address`);
  const listener = listenerOf(theWorld(), address);
  if (listener === undefined) throw unavailable(`nobody listens on ${address.socket}`);
  const channel = channelTo(listener);
  try {
    return { address, channel, greeting: await hello(channel, request.kind, request) };
  } catch (error) {
    channel.close();
    throw error;
  }
}

function channelTo(listener: Listener): Host['channel'] {
  return new SimulatedChannel(listener) as unknown as Host['channel'];
}

function unavailable(text: string): HoldfastError {
  return new HoldfastError('UNAVAILABLE', text);
}
