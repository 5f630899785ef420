/** One process of a driver: started, spoken with once, and put an end to. */
import { randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError, messageOf } from '../errors.ts';
import { makeBelow } from '../os/make-below.ts';
import { signalProcess } from '../os/process-tree.ts';
import { hostDirectory, readAddress } from '../rpc/address-file.ts';
import { DRIVER_PROTOCOL, driverMethods } from '../rpc/driver-methods.ts';
import { call } from '../rpc/framed-client.ts';
import { type Host, spawnHost } from '../rpc/spawn-host.ts';
import { isDescription } from './sense.ts';
import { type Description, fromJson, toJson } from './words.ts';

export interface PluginPlace {
  /** Of the agent. */
  readonly agentStateDir: string;
  readonly name: string;
  /** Absolute path of the entry file. */
  readonly path: string;
  /** For the driver to read. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly instanceId: string;
  readonly machineEpoch: string;
  readonly agentEpoch: number;
}

export interface PluginProcess {
  readonly host: Host;
  readonly description: Description;
  /** Ends it, whatever it does. */
  end(): void;
}

/** Nothing of a driver but a start takes long to answer. */
const HELLO_MS = 10_000;

/** The state directory of the driver: its own hosts and the files of its runs. */
export function pluginDirectory({
  agentStateDir,
  name,
}: Pick<PluginPlace, 'agentStateDir' | 'name'>): string {
  return join(agentStateDir, 'plugins', name);
}

/** Ends processes of earlier agents, then starts one. Errors: UNAVAILABLE with what it said, USAGE, WRONG_STATE. */
export async function startPlugin(place: PluginPlace): Promise<PluginProcess> {
  const { agentStateDir, path, name, machineEpoch } = place;
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) throw new HoldfastError('UNAVAILABLE', `${path} is no file`);
  const stateDir = pluginDirectory(place);
  makeBelow(agentStateDir, stateDir);
  await endOthers(stateDir, machineEpoch);
  const hostId = randomUUID().slice(0, 8);
  const host = await spawnHost({ ...place, stateDir, kind: 'driver', hostId, entry: path });
  const end = (): void => {
    host.channel.close();
    signalProcess(host.address, machineEpoch, 'SIGKILL');
  };
  try {
    const description = await greeted(host, place);
    if (description.name !== name) {
      const text = `${path} is the driver ${description.name}, not ${name}`;
      throw new HoldfastError('USAGE', text);
    }
    return { host, description, end };
  } catch (error) {
    end();
    throw error;
  }
}

async function greeted(host: Host, place: PluginPlace): Promise<Description> {
  const { agentEpoch, instanceId, name, options } = place;
  // Before it is given anything: what a newer one makes of options is its affair.
  const { protocol, version } = host.greeting;
  if (protocol !== DRIVER_PROTOCOL) {
    const text =
      `driver plugin ${name} (holdfast ${version}) speaks protocol ${protocol} of drivers, ` +
      `this agent ${DRIVER_PROTOCOL}`;
    throw new HoldfastError('CAPABILITY_MISSING', text);
  }
  const request = { agentEpoch, instanceId, options: toJson(options) };
  const limit = { deadlineMs: HELLO_MS };
  const greeting = await call(host.channel, driverMethods.hello, request, limit).catch(
    (error: unknown) => {
      const { code, message } = HoldfastError.from(error);
      const text = `driver plugin ${name} refuses its options: ${message}`;
      throw new HoldfastError(isTransient(code) ? 'UNAVAILABLE' : 'USAGE', text, { cause: error });
    },
  );
  const given = Object.keys(options);
  if (!greeting.tookOptions && given.length > 0) {
    const text = `driver plugin ${name} has no options, and is given ${given.join(', ')}`;
    throw new HoldfastError('USAGE', text);
  }
  const description = fromJson(greeting.description);
  if (!isDescription(description) || (description as Description).apiVersion !== 1) {
    throw new HoldfastError('CAPABILITY_MISSING', `driver plugin ${name} is no driver of API 1`);
  }
  return description as Description;
}

function isTransient(code: string): boolean {
  return ['UNAVAILABLE', 'TIMEOUT', 'ABORTED', 'EPOCH_STALE'].includes(code);
}

/** Two processes of one driver would both act on what it has: the one of an agent that is gone goes first. */
async function endOthers(stateDir: string, machineEpoch: string): Promise<void> {
  const ids = await readdir(join(stateDir, 'hosts')).catch(() => []);
  for (const hostId of ids) {
    const address = await readAddress(hostDirectory(stateDir, hostId));
    if (address?.kind !== 'driver') continue;
    try {
      signalProcess(address, machineEpoch, 'SIGKILL');
    } catch (error) {
      throw new HoldfastError('UNAVAILABLE', messageOf(error), { cause: error });
    }
    await rm(hostDirectory(stateDir, hostId), { recursive: true, force: true });
  }
}
