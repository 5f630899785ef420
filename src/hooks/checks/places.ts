/** Where a program is reached: by the variables in which every task finds its ports. */
import { HoldfastError } from '../../errors.ts';
import type { DriverNetwork } from '../../machines/task-messages.ts';
import type { PortName } from '../../spec/check-spec.ts';
import { cleanName } from '../../spec/env-names.ts';

export interface Place {
  /** IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
  /** Whence it is reached. Left out: from the machine's network. */
  readonly openSocket?: OpenSocket;
}

/** A socket that is not connected; undefined: the machine's network. */
export type OpenSocket = () => number | undefined;

type Env = Readonly<Record<string, string>>;

/** A port that has no label is of the network that the program is in. */
const HERE = '127.0.0.1';

/**
 * In the network that the driver made: a label is one of the ports that it gave. Throws START_FAILED for another one.
 */
export function placeInside(port: PortName, { ip, ports }: DriverNetwork): Place {
  if (typeof port === 'number') return { address: ip, port };
  const given = ports[port];
  if (given !== undefined) return { address: ip, port: given };
  const text = `the driver gives no port that is labelled "${port}"`;
  throw new HoldfastError('START_FAILED', text);
}

/** `isAllocs`: in the group's own network. Throws START_FAILED for a label that nobody has. */
export function placeOf(port: PortName, env: Env, isAllocs = false): Place {
  if (typeof port === 'number') return { address: HERE, port };
  const kind = isAllocs ? 'ALLOC_' : 'HOST_';
  const address = isAllocs ? named(env, `ALLOC_IP_${port}`) : named(env, `IP_${port}`);
  const number = Number(named(env, `${kind}PORT_${port}`));
  if (address !== undefined && Number.isInteger(number)) return { address, port: number };
  const what = isAllocs ? 'has no address of the group for' : 'has no port that is labelled';
  throw new HoldfastError('START_FAILED', `the task ${what} "${port}"`);
}

function named(env: Env, word: string): string | undefined {
  return env[cleanName(`HOLDFAST_${word}`)];
}

/** As in an address of the web. */
export function hostAndPort({ address, port }: Place): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
