/** What can be said of a network before there is a machine. */
import type { CheckedGroup } from './group-schema.ts';
import type { KeyProblem } from './key-names.ts';

type Network = NonNullable<CheckedGroup['network']>;
type Ports = NonNullable<Network['ports']>;

export function networkProblems({ network }: CheckedGroup): readonly KeyProblem[] {
  if (network === undefined) return [];
  const { ports = {} } = network;
  return [...uselessPorts(network, ports), ...twins(Object.keys(ports)), ...collisions(ports)];
}

function uselessPorts({ mode }: Network, ports: Ports): readonly KeyProblem[] {
  const labels = Object.keys(ports);
  if (mode === 'none' && labels.length > 0) {
    const text = 'cannot be had in mode none: nothing leads into a network without interfaces';
    return [{ path: ['network', 'ports'], text }];
  }
  return labels.flatMap((label) => {
    const port = ports[label];
    const path = ['network', 'ports', label];
    if (mode === 'host' && port?.to !== undefined) {
      const text = 'is for networks of their own: on that of the machine it is the port itself';
      return [{ path: [...path, 'to'], text }];
    }
    if (mode !== 'host' && port?.ignoreCollision === true) {
      const text = 'is for mode host: a port leads into one network only';
      return [{ path: [...path, 'ignoreCollision'], text }];
    }
    return [];
  });
}

/** Variables are named after labels, and no shell could read a `-`. */
function twins(labels: readonly string[]): readonly KeyProblem[] {
  const seen = new Map<string, string>();
  return labels.flatMap((label) => {
    const key = label.replaceAll('-', '_');
    const other = seen.get(key);
    seen.set(key, label);
    if (other === undefined) return [];
    const text = `cannot be told from ${other} in the names of variables: both would be PORT_${key}`;
    return [{ path: ['network', 'ports', label], text }];
  });
}

function collisions(ports: Ports): readonly KeyProblem[] {
  const seen: { readonly label: string; readonly port: Ports[string] }[] = [];
  return Object.entries(ports).flatMap(([label, port]) => {
    const path = ['network', 'ports', label];
    const isShared = port.ignoreCollision === true;
    if (port.static === undefined) {
      if (!isShared) return [];
      const text = 'is for static ports: of others nobody else has the same';
      return [{ path: [...path, 'ignoreCollision'], text }];
    }
    const twin = seen.find(
      (one) => one.port.static === port.static && one.port.hostNetwork === port.hostNetwork,
    );
    seen.push({ label, port });
    if (twin === undefined || isShared) return [];
    return [{ path: [...path, 'static'], text: `is that of ${twin.label} too: ${port.static}` }];
  });
}
