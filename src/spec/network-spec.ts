/** The network of a group, as it was asked for and as it was assigned. JSON-safe: both are recorded. */

/** `host` is the machine's own network, with nothing between. */
export type NetworkMode = 'host';

/** A port that the group wants, under a name. */
export interface PortWish {
  readonly label: string;
  /** The port of the machine; left out: one of the agent's range. */
  readonly static?: number;
  /** One of the addresses that the operator has named; left out: every address of the machine. */
  readonly hostNetwork?: string;
  /** Others may have the same static port: programs that share it on purpose. */
  readonly isShared?: boolean;
}

/** Every key that is absent was left out; a group that says no more than the default has no NetworkSpec. */
export interface NetworkSpec {
  readonly mode: NetworkMode;
  /** In the order in which they were written. */
  readonly ports?: readonly PortWish[];
}

/** A port of the machine that an alloc has, until it has ended. */
export interface AssignedPort {
  readonly label: string;
  /** What others connect to; IPv6 without brackets. */
  readonly hostIp: string;
  readonly hostPort: number;
  /** It is the alloc's at this address only; left out: at every address of the machine. */
  readonly hostNetwork?: string;
  readonly isShared?: boolean;
}

/** From what was checked; undefined when that says no more than the default. */
export function networkSpec(written: WrittenNetwork | undefined): NetworkSpec | undefined {
  if (written === undefined) return undefined;
  const { mode, ports = {} } = written;
  const wishes = Object.entries(ports).map(([label, port]): PortWish => ({
    label,
    ...(port.static !== undefined && { static: port.static }),
    ...(port.hostNetwork !== undefined && { hostNetwork: port.hostNetwork }),
    ...(port.ignoreCollision === true && { isShared: true }),
  }));
  if (mode === 'host' && wishes.length === 0) return undefined;
  return { mode, ...(wishes.length > 0 && { ports: wishes }) };
}

interface WrittenNetwork {
  readonly mode: NetworkMode;
  readonly ports?: Readonly<Record<string, WrittenPort>> | undefined;
}

interface WrittenPort {
  readonly static?: number | undefined;
  readonly hostNetwork?: string | undefined;
  readonly ignoreCollision?: boolean | undefined;
}
