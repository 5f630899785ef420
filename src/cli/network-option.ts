/** `--network KEY=VALUE` of an agent: what groups may have of the network of its machine. */
import { InvalidArgumentError } from 'commander';
import type { OrchestratorOptions } from '../orchestrator.ts';

type Network = NonNullable<OrchestratorOptions['network']>;

const KEYS =
  'ports (20000-32000), reserved (22,8000-8080), hostIp, address.NAME, cniPath (DIR:DIR), cniConfig (DIR:DIR), bridge or subnet';
const MOST_RESERVED = 65_535;

/** One more fact beside those before it; the last of a name holds. What the values must be is checked by the agent. */
export function networkFact(text: string, before: Network = {}): Network {
  const [, key = '', value = ''] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  const [, name] = /^address\.(.+)$/s.exec(key) ?? [];
  if (name !== undefined) {
    return { ...before, hostNetworks: { ...before.hostNetworks, [name]: value } };
  }
  switch (key) {
    case 'ports': {
      const [from, to] = rangeOf(value);
      return { ...before, dynamicPorts: { from, to } };
    }
    case 'reserved':
      return { ...before, reservedPorts: value.split(',').flatMap(allOf) };
    case 'hostIp':
      return { ...before, hostIp: value };
    case 'cniPath':
      return { ...before, cniPath: value.split(':') };
    case 'cniConfig':
      return { ...before, cniConfigDirs: value.split(':') };
    case 'bridge':
      return { ...before, bridge: { ...before.bridge, name: value } };
    case 'subnet':
      return { ...before, bridge: { ...before.bridge, subnet: value } };
    default:
      throw new InvalidArgumentError(`expected ${KEYS}, then = and a value`);
  }
}

function rangeOf(text: string): readonly [from: number, to: number] {
  const [, from = '', to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text.trim()) ?? [];
  if (from === '' || Number(to) < Number(from) || Number(to) > MOST_RESERVED) {
    throw new InvalidArgumentError(`${text} is no range of ports, such as 20000-32000`);
  }
  return [Number(from), Number(to)];
}

function allOf(text: string): readonly number[] {
  const [from, to] = rangeOf(text);
  return Array.from({ length: to - from + 1 }, (_none, index) => from + index);
}
