/** How a container is reached, as the engine is told, and what the agent is told of it afterwards. Pure. */
import { HoldfastError } from '../../errors.ts';
import type { AssignedPort } from '../../spec/network-spec.ts';
import type { DockerConfig } from './config.ts';
import type { ContainerBody, ContainerWish } from './container-body.ts';

export interface ContainerNetwork {
  readonly container: ContainerBody;
  readonly host: ContainerBody;
  readonly endpoints?: ContainerBody;
}

export function containerNetwork(wish: ContainerWish): ContainerNetwork {
  const mode = modeOf(wish);
  // What is somebody else's network has his name, his hosts and his ports.
  if (mode.startsWith('container:')) return { container: {}, host: { NetworkMode: mode } };
  const { config, run } = wish;
  const hostname = config.hostname ?? run.task.network?.hostname;
  const { macAddress, extraHosts } = config;
  return {
    container: {
      ...(hostname !== undefined && config.utsMode !== 'host' && { Hostname: hostname }),
      ...(macAddress !== undefined && { MacAddress: macAddress }),
      ...(mode !== 'host' && exposed(wish)),
    },
    host: {
      NetworkMode: mode,
      ...names(wish),
      ...(extraHosts.length > 0 && { ExtraHosts: extraHosts }),
      ...(mode !== 'host' && bindings(wish)),
    },
    ...endpoints(config, mode),
  };
}

function modeOf({ config, joined }: ContainerWish): string {
  return joined === undefined ? (config.networkMode ?? 'default') : `container:${joined}`;
}

/** Settings go over what the group says. */
function names({ config, run }: ContainerWish): ContainerBody {
  const { servers = [], searches = [], options = [] } = run.task.network?.dns ?? {};
  const pick = (own: readonly string[], other: readonly string[]): readonly string[] =>
    own.length > 0 ? own : other;
  const lists = {
    Dns: pick(config.dnsServers, servers),
    DnsSearch: pick(config.dnsSearchDomains, searches),
    DnsOptions: pick(config.dnsOptions, options),
  };
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}

export interface PublishedPort extends AssignedPort {
  readonly inside: number;
}

/** Throws DRIVER_CONFIG_INVALID for a label that the group has no port of. */
export function publishedPorts(
  config: Pick<DockerConfig, 'ports' | 'portMap'>,
  ports: readonly AssignedPort[],
): readonly PublishedPort[] {
  const labels = new Set([...config.ports, ...Object.keys(config.portMap)]);
  return [...labels].map((label) => {
    const port = ports.find((one) => one.label === label);
    if (port === undefined) {
      const text = `config.ports: the group has no port ${label} (network.ports)`;
      const issues = [{ path: 'ports', message: `the group has no port ${label}` }];
      throw new HoldfastError('DRIVER_CONFIG_INVALID', text, { details: { issues } });
    }
    const to = port.to === undefined || port.to === 0 ? port.hostPort : port.to;
    return { ...port, inside: config.portMap[label] ?? to };
  });
}

/** Who publishes a port does so for both protocols, as with Nomad. */
const PROTOCOLS = ['tcp', 'udp'];

function exposed({ config, ports }: ContainerWish): ContainerBody {
  const published = publishedPorts(config, ports);
  if (published.length === 0) return {};
  const names = published.flatMap(({ inside }) => PROTOCOLS.map((one) => `${inside}/${one}`));
  return { ExposedPorts: Object.fromEntries(names.map((name) => [name, {}])) };
}

function bindings({ config, ports }: ContainerWish): ContainerBody {
  const all: Record<string, { readonly HostIp: string; readonly HostPort: string }[]> = {};
  for (const { inside, hostPort, hostIp, hostNetwork } of publishedPorts(config, ports)) {
    // Every address of the machine, unless the operator named the one that it is at.
    const place = { HostIp: hostNetwork === undefined ? '' : hostIp, HostPort: String(hostPort) };
    for (const protocol of PROTOCOLS) (all[`${inside}/${protocol}`] ??= []).push(place);
  }
  return Object.keys(all).length === 0 ? {} : { PortBindings: all };
}

function endpoints(
  { networkAliases, ipv4Address, ipv6Address }: DockerConfig,
  mode: string,
): { readonly endpoints?: ContainerBody } {
  const isAddressed = ipv4Address !== undefined || ipv6Address !== undefined;
  if (networkAliases.length === 0 && !isAddressed) return {};
  const endpoint = {
    ...(networkAliases.length > 0 && { Aliases: networkAliases }),
    ...(isAddressed && {
      IPAMConfig: {
        ...(ipv4Address !== undefined && { IPv4Address: ipv4Address }),
        ...(ipv6Address !== undefined && { IPv6Address: ipv6Address }),
      },
    }),
  };
  return { endpoints: { [mode]: endpoint } };
}
