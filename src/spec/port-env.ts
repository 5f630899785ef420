/**
 * Where a task listens and whom it finds where, as variables. Nomad's names without their prefix (`NOMAD_`, and
 * `HOLDFAST_` beside it); labels as they are written, and cleaned by `env-names.ts` afterwards. Pure.
 */

export interface PortFact {
  readonly label: string;
  /** Of the machine; IPv6 without brackets. */
  readonly hostIp: string;
  readonly hostPort: number;
  /** The port inside the task's network namespace, or that a driver maps to. Left out or 0: the host's. */
  readonly to?: number;
}

/** What a task is told of the network it is in. */
export interface NetworkFacts {
  /** Of the group: all its tasks have them. */
  readonly ports?: readonly PortFact[];
  /** Of this task alone. */
  readonly taskPorts?: readonly PortFact[];
  /** Of the other tasks of the group that have ports of their own. */
  readonly otherTasks?: readonly { readonly task: string; readonly ports: readonly PortFact[] }[];
  readonly upstreams?: readonly {
    readonly name: string;
    readonly ip: string;
    readonly port: number;
  }[];
  /** The interface of a network namespace of the group's own. */
  readonly alloc?: { readonly interface: string; readonly ip: string };
}

export type NamedText = readonly [name: string, text: string];

/** Later entries win over earlier ones of the same name: the task's ports, other tasks', the group's, the rest. */
export function portEnv(network: NetworkFacts): readonly NamedText[] {
  const { taskPorts = [], otherTasks = [], ports = [], upstreams = [], alloc } = network;
  const env: NamedText[] = [];
  for (const port of taskPorts) {
    env.push([`IP${isV6(port.hostIp) ? 'v6' : 'v4'}_${port.label}`, port.hostIp], ...own(port));
  }
  for (const { task, ports: theirs } of otherTasks) {
    for (const port of theirs) env.push(...place(port.hostIp, port.hostPort, task, port.label));
  }
  for (const port of ports) env.push(...own(port));
  for (const { name, ip, port } of upstreams) {
    // Whoever reads them from a shell needs the one, whoever knows the name of a service the other.
    for (const one of new Set([name, name.replaceAll(/[^A-Za-z0-9_]/g, '_')])) {
      env.push(...place(ip, port, one).map(([key, text]): NamedText => [`UPSTREAM_${key}`, text]));
    }
  }
  if (alloc === undefined) return env;
  for (const { label, hostPort, to } of ports) {
    env.push([`ALLOC_INTERFACE_${label}`, alloc.interface], [`ALLOC_IP_${label}`, alloc.ip]);
    env.push([`ALLOC_ADDR_${label}`, address(alloc.ip, inside(hostPort, to))]);
  }
  return env;
}

function own({ label, hostIp, hostPort, to }: PortFact): readonly NamedText[] {
  const host = address(hostIp, hostPort);
  const port = String(inside(hostPort, to));
  return [
    [`IP_${label}`, hostIp],
    [`PORT_${label}`, port],
    [`ADDR_${label}`, host],
    [`HOST_IP_${label}`, hostIp],
    [`HOST_PORT_${label}`, String(hostPort)],
    [`HOST_ADDR_${label}`, host],
    [`ALLOC_PORT_${label}`, port],
  ];
}

function place(ip: string, port: number, ...names: readonly string[]): readonly NamedText[] {
  const name = names.join('_');
  return [
    [`IP_${name}`, ip],
    [`PORT_${name}`, String(port)],
    [`ADDR_${name}`, address(ip, port)],
  ];
}

function inside(hostPort: number, to: number | undefined): number {
  return to === undefined || to === 0 ? hostPort : to;
}

function address(ip: string, port: number): string {
  return isV6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function isV6(ip: string): boolean {
  return ip.includes(':');
}
