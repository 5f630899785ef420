/** The network of a group, as it was asked for and as it was assigned. JSON-safe: both are recorded. */

/**
 * `host`: the machine's own. Others are namespaces that the tasks of the group share: `none` with nothing but `lo`,
 * `bridge` and the CNI networks of the operator with an address.
 */
export type NetworkMode = 'host' | 'none' | 'bridge' | `cni/${string}`;

/** A port that the group wants, under a name. */
export interface PortWish {
  readonly label: string;
  /** The port of the machine; left out: one of the agent's range. */
  readonly static?: number;
  /** The port that programs listen on in a network of their own; left out: the same as the machine's. */
  readonly to?: number;
  /** One of the addresses that the operator has named; left out: every address of the machine. */
  readonly hostNetwork?: string;
  /** Others may have the same static port: programs that share it on purpose. */
  readonly isShared?: boolean;
}

/** What is left out is as on the machine. */
export interface DnsWish {
  /** IP addresses. */
  readonly servers?: readonly string[];
  readonly searches?: readonly string[];
  readonly options?: readonly string[];
}

/** What every task of the group is told. */
export interface TaskNetwork {
  readonly mode: NetworkMode;
  readonly hostname?: string;
  readonly dns?: DnsWish;
}

/** Every key that is absent was left out; a group that says no more than the default has no NetworkSpec. */
export interface NetworkSpec extends TaskNetwork {
  /** In the order in which they were written. */
  readonly ports?: readonly PortWish[];
}

/** A port of the machine that an alloc has, until it has ended. */
export interface AssignedPort {
  readonly label: string;
  /** What others connect to; IPv6 without brackets. */
  readonly hostIp: string;
  readonly hostPort: number;
  /** What it leads to in the alloc's own network; left out: the same. */
  readonly to?: number;
  /** It is the alloc's at this address only; left out: at every address of the machine. */
  readonly hostNetwork?: string;
  readonly isShared?: boolean;
}

/** From what was checked; undefined when that says no more than the default. */
export function networkSpec(written: WrittenNetwork | undefined): NetworkSpec | undefined {
  if (written === undefined) return undefined;
  const { ports = {} } = written;
  const wishes = Object.entries(ports).map(([label, port]) => portWish(label, port));
  const network = toldToTasks(written);
  if (network === undefined && wishes.length === 0) return undefined;
  return { mode: 'host', ...network, ...(wishes.length > 0 && { ports: wishes }) };
}

/** What a task of the group is told of it; undefined: it is the machine's own, with nothing of its own in it. */
export function taskNetwork(written: WrittenNetwork | undefined): TaskNetwork | undefined {
  return written === undefined ? undefined : toldToTasks(written);
}

function toldToTasks({ mode, hostname, dns }: WrittenNetwork): TaskNetwork | undefined {
  const lists = Object.entries(dns ?? {}).filter(
    ([, list]) => list !== undefined && list.length > 0,
  );
  if (mode === 'host' && hostname === undefined && lists.length === 0) return undefined;
  return {
    mode: mode as NetworkMode,
    ...(hostname !== undefined && { hostname }),
    ...(lists.length > 0 && { dns: Object.fromEntries(lists) }),
  };
}

function portWish(label: string, port: WrittenPort): PortWish {
  return {
    label,
    ...(port.static !== undefined && { static: port.static }),
    ...(port.to !== undefined && { to: port.to }),
    ...(port.hostNetwork !== undefined && { hostNetwork: port.hostNetwork }),
    ...(port.ignoreCollision === true && { isShared: true }),
  };
}

interface WrittenNetwork {
  readonly mode: string;
  readonly hostname?: string | undefined;
  readonly dns?: Readonly<Record<string, readonly string[] | undefined>> | undefined;
  readonly ports?: Readonly<Record<string, WrittenPort>> | undefined;
}

interface WrittenPort {
  readonly static?: number | undefined;
  readonly to?: number | undefined;
  readonly hostNetwork?: string | undefined;
  readonly ignoreCollision?: boolean | undefined;
}
