import { join } from 'node:path';
import { replaceFile } from '../os/atomic-file.ts';
import { readPlainFile } from '../os/plain-file.ts';

const KINDS = ['executor', 'logmon', 'docker-logger', 'driver'] as const;

export type HostKind = (typeof KINDS)[number];

/** Where a host listens and which process it is: what a stranger needs to talk to it or to know that it is dead. */
export interface HostAddress {
  readonly hostId: string;
  readonly kind: HostKind;
  readonly pid: number;
  /** Clock ticks since boot of that process; with pid and machineEpoch its identity. */
  readonly startTime: string;
  readonly machineEpoch: string;
  /** Number of the conversation it speaks. */
  readonly protocol: number;
  /** Version of the package it runs. */
  readonly version: string;
  /** Absolute path of its unix socket. */
  readonly socket: string;
}

/** `<stateDir>/hosts/<hostId>`: holds `address.json`, `sock` and `host.log`. */
export function hostDirectory(stateDir: string, hostId: string): string {
  return join(stateDir, 'hosts', hostId);
}

function addressPath(hostDir: string): string {
  return join(hostDir, 'address.json');
}

/** Written once the host listens. Durable and atomic: a reader sees a whole address or none. */
export function writeAddress(hostDir: string, address: HostAddress): void {
  replaceFile(addressPath(hostDir), `${JSON.stringify(address)}\n`, { durable: true });
}

/** Undefined when there is none or it makes no sense: a broken address is no address, and the host is then looked
 * for by nobody; its runs speak for themselves. */
export async function readAddress(hostDir: string): Promise<HostAddress | undefined> {
  try {
    const found = readPlainFile(addressPath(hostDir));
    const value: unknown = found.is === 'text' ? JSON.parse(found.text) : undefined;
    return isAddress(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isAddress(value: unknown): value is HostAddress {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Partial<Record<keyof HostAddress, unknown>>;
  const texts = [fields.hostId, fields.startTime, fields.machineEpoch, fields.version];
  return (
    texts.every((text) => typeof text === 'string' && text !== '') &&
    KINDS.some((kind) => kind === fields.kind) &&
    Number.isSafeInteger(fields.pid) &&
    Number(fields.pid) > 0 &&
    Number.isSafeInteger(fields.protocol) &&
    typeof fields.socket === 'string' &&
    fields.socket.startsWith('/')
  );
}
