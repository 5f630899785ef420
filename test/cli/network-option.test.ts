import { expect, it } from 'vitest';
import { networkFact } from '../../src/cli/network-option.ts';
import { checkOptions } from '../../src/orchestrator-options.ts';

it('gathers what groups may have of the network, as an agent takes it', () => {
  const said = [
    'ports=20000-20010',
    'reserved=22,8000-8002',
    'hostIp=192.0.2.5',
    'address.public=192.0.2.1',
    'address.private=10.0.0.1',
    'cniPath=/a:/b',
    'cniConfig=/c',
    'bridge=br9',
    'subnet=10.9.0.0/24',
  ];
  const network = said.reduce((before, one) => networkFact(one, before), {});
  expect(network).toEqual({
    dynamicPorts: { from: 20_000, to: 20_010 },
    reservedPorts: [22, 8000, 8001, 8002],
    hostIp: '192.0.2.5',
    hostNetworks: { public: '192.0.2.1', private: '10.0.0.1' },
    cniPath: ['/a', '/b'],
    cniConfigDirs: ['/c'],
    bridge: { name: 'br9', subnet: '10.9.0.0/24' },
  });
  expect(() => checkOptions({ dataDir: '/x', network })).not.toThrow();
});

it.each(['zone=a', 'ports', 'ports=', 'ports=5-4', 'ports=1-70000', 'reserved=a', '=x'])(
  'refuses %s',
  (text) => {
    expect(() => networkFact(text)).toThrow(/expected ports|is no range of ports/);
  },
);

it.each([
  [{ dynamicPorts: { from: 5, to: 4 } }, 'network.dynamicPorts'],
  [{ reservedPorts: [0] }, 'network.reservedPorts'],
  [{ hostNetworks: { a: 'host.example' } }, 'network.hostNetworks'],
  [{ hostIp: '1.2.3' }, 'network.hostIp'],
  [{ bridge: { name: 'much-too-long-a-name' } }, 'network.bridge.name'],
  [{ bridge: { subnet: '10.0.0.0' } }, 'network.bridge.subnet'],
  [{ bridge: { subnet: '10.0.0.0/31' } }, 'network.bridge.subnet'],
  [{ cni: 1 }, 'there is no option network.cni'],
])('%j is refused by name', (network, text) => {
  expect(() => checkOptions({ dataDir: '/x', network })).toThrow(text);
});
