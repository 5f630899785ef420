/** The network of a group of a Nomad job. Nomad has a list of them, and takes the first. */
import { FieldReading } from './field-reading.ts';
import { withoutUnset, type Fields } from './imported.ts';

const KNOWN_MODE = /^(host|none|bridge|cni\/.+)$/;
const BY_CLIENT = 'the agent gives addresses as its operator says';

export function nomadNetwork(
  above: FieldReading,
  notes: string[],
  path: string,
): Fields | undefined {
  const [first, ...others] = above.list('Networks');
  if (first === undefined) return undefined;
  if (others.length > 0) above.note('Networks', 'has more than one: only the first counts');
  const network = new FieldReading(first, `${path}.Networks`, notes);
  const written = network.text('Mode') ?? 'host';
  const isKnown = KNOWN_MODE.test(written);
  if (!isKnown) network.note('Mode', `is left out: there is no mode ${written} here`);
  const mode = isKnown ? written : 'host';
  const ports = Object.fromEntries([
    ...network.list('ReservedPorts').map((port) => portOf(port, mode, notes, path)),
    ...network.list('DynamicPorts').map((port) => portOf(port, mode, notes, path)),
  ]);
  const made = withoutUnset({
    mode,
    hostname: network.text('Hostname'),
    dns: dnsOf(network, notes, path),
    ports,
  });
  network.end({ Device: BY_CLIENT, CIDR: BY_CLIENT, IP: BY_CLIENT, MBits: 'nobody counts it' });
  // A port without any wish is one nevertheless.
  return Object.keys(ports).length > 0 ? { ...made, ports } : made;
}

function portOf(
  written: unknown,
  mode: string,
  notes: string[],
  path: string,
): readonly [label: string, port: Fields] {
  const port = new FieldReading(written, `${path}.Networks.port`, notes);
  const label = port.text('Label') ?? 'port';
  const to = port.number('To');
  const hostNetwork = port.text('HostNetwork');
  const value = port.number('Value');
  const isMapped = to !== undefined && to > 0;
  if (isMapped && mode === 'host') {
    port.note(`${label}.To`, 'is left out: on the network of the machine it is the port itself');
  }
  const isShared = port.isOn('IgnoreCollision') && value !== undefined && mode === 'host';
  const made = {
    static: value,
    to: isMapped && mode !== 'host' ? to : undefined,
    hostNetwork: hostNetwork === 'default' ? undefined : hostNetwork,
    ignoreCollision: isShared || undefined,
  };
  port.end();
  return [label, withoutUnset(made)];
}

function dnsOf(network: FieldReading, notes: string[], path: string): Fields | undefined {
  const written = network.object('DNS');
  if (written === undefined) return undefined;
  const dns = new FieldReading(written, `${path}.Networks.DNS`, notes);
  const made = withoutUnset({
    servers: dns.list('Servers'),
    searches: dns.list('Searches'),
    options: dns.list('Options'),
  });
  dns.end();
  return made;
}
