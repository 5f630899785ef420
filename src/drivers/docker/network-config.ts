/** How a container is reached, and what it finds. */
import { isIP } from 'node:net';
import type { ConfigReading } from '../config-reading.ts';

export interface NetworkConfig {
  /** A network of the engine, `host`, `none` or `container:NAME`. Left out: the engine's default bridge. */
  readonly networkMode: string | undefined;
  readonly networkAliases: readonly string[];
  /** Labels of ports of the group that lead into the container. */
  readonly ports: readonly string[];
  /** Label → port inside, in place of what the group says. */
  readonly portMap: Readonly<Record<string, number>>;
  readonly ipv4Address: string | undefined;
  readonly ipv6Address: string | undefined;
  readonly macAddress: string | undefined;
  /** `NAME:ADDRESS`. */
  readonly extraHosts: readonly string[];
  readonly dnsServers: readonly string[];
  readonly dnsSearchDomains: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly advertiseIpv6Address: boolean;
}

export function readNetwork(reading: ConfigReading): NetworkConfig {
  const config: NetworkConfig = {
    networkMode: reading.text('networkMode', 'the name of a network'),
    networkAliases: reading.texts('networkAliases'),
    ports: reading.texts('ports'),
    portMap: readPortMap(reading),
    ipv4Address: readAddress(reading, 'ipv4Address', 4),
    ipv6Address: readAddress(reading, 'ipv6Address', 6),
    macAddress: readMac(reading),
    extraHosts: readHosts(reading),
    dnsServers: reading.texts('dnsServers'),
    dnsSearchDomains: reading.texts('dnsSearchDomains'),
    dnsOptions: reading.texts('dnsOptions'),
    advertiseIpv6Address: reading.isOn('advertiseIpv6Address'),
  };
  for (const [index, server] of config.dnsServers.entries()) {
    if (isIP(server) === 0) reading.wrong(`dnsServers[${index}]`, 'must be an IP address');
  }
  refuseContradictions(reading, config);
  return config;
}

/** What the engine would say late, or leave out without a word. */
function refuseContradictions(reading: ConfigReading, config: NetworkConfig): void {
  const { networkMode: mode = 'default' } = config;
  const isShared = mode === 'host' || mode === 'none' || mode.startsWith('container:');
  const isOwn = !isShared && mode !== 'default' && mode !== 'bridge';
  const published = [...config.ports, ...Object.keys(config.portMap)];
  if (isShared && mode !== 'host' && published.length > 0) {
    reading.wrong('ports', `need a network of the engine, not ${mode}`);
  }
  const needs = {
    networkAliases: config.networkAliases.length > 0,
    ipv4Address: config.ipv4Address,
  };
  for (const [name, value] of Object.entries({ ...needs, ipv6Address: config.ipv6Address })) {
    if (Boolean(value) && !isOwn) reading.wrong(name, 'needs networkMode to name a network');
  }
}

function readAddress(reading: ConfigReading, name: string, version: 4 | 6): string | undefined {
  const text = reading.text(name, `an IPv${version} address`);
  if (text === undefined || isIP(text) === version) return text;
  return reading.wrong(name, `must be an IPv${version} address`);
}

function readMac(reading: ConfigReading): string | undefined {
  const text = reading.text('macAddress', 'such as "02:42:ac:11:00:02"');
  if (text === undefined || /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(text)) return text;
  return reading.wrong('macAddress', 'must be such as "02:42:ac:11:00:02"');
}

function readHosts(reading: ConfigReading): readonly string[] {
  const hosts = reading.texts('extraHosts');
  for (const [index, host] of hosts.entries()) {
    if (!/^[^:\s]+:.+$/.test(host)) reading.wrong(`extraHosts[${index}]`, 'must be NAME:ADDRESS');
  }
  return hosts;
}

function readPortMap(reading: ConfigReading): Readonly<Record<string, number>> {
  const ports: Record<string, number> = {};
  for (const [label, text] of Object.entries(reading.textMap('portMap'))) {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (port >= 1 && port <= 65_535) ports[label] = port;
    else reading.wrong(`portMap.${label}`, 'must be a port from 1 to 65535');
  }
  return ports;
}
