/** The network that a driver made, as services and checks see it. */
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Driver } from '../../src/drivers/driver.ts';
import type { DriverNetwork } from '../../src/machines/task-messages.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { mockDriver } from '../../src/testing/index.ts';
import { eventually, MockAgent } from './mock-agent.ts';

const HOST_IP = '127.0.0.1';

function giving(agent: MockAgent, network: DriverNetwork | undefined): Driver {
  const mock = mockDriver(agent.world);
  return {
    ...mock,
    async start(run, doors, signal) {
      const outcome = await mock.start(run, doors, signal);
      return outcome.kind === 'started' ? { ...outcome, network } : outcome;
    },
  };
}

type Services = NonNullable<GroupSpecInput['tasks'][number]['services']>;

const SERVICES: Services = [
  { name: 'auto', port: 'http' },
  { name: 'inside', port: 'http', addressMode: 'driver' },
  { name: 'outside', port: 'http', addressMode: 'host' },
  { name: 'number', port: 81 },
  { name: 'elsewhere', port: 'admin' },
];

async function servedBy(network: DriverNetwork | undefined, services = SERVICES) {
  const agent = new MockAgent();
  const options = { drivers: [giving(agent, network)], network: { hostIp: HOST_IP } };
  await agent.open(options);
  const ports = { http: {}, admin: {} };
  await agent.start('web', {}, { network: { ports } }, { services });
  await agent.until('web', 'running');
  const { ports: given } = await agent.orchestrator.inspect('web');
  const hostPorts = Object.fromEntries(given.map(({ label, hostPort }) => [label, hostPort]));
  const said = async () => {
    const all = (await agent.orchestrator.health('web')).services;
    return Object.fromEntries(all.map(({ service, address, port }) => [service, [address, port]]));
  };
  return { agent, options, hostPorts, said };
}

describe('services of a program whose driver made a network', () => {
  it('that is advertised are reached there, if the driver gives their port, or if they say so', async () => {
    const network = { ip: '172.17.0.5', ports: { http: 8080 }, isAdvertised: true };
    const { agent, hostPorts, said } = await servedBy(network);
    const { http, admin } = hostPorts;
    const expected = {
      auto: ['172.17.0.5', 8080],
      inside: ['172.17.0.5', 8080],
      outside: [HOST_IP, http],
      number: ['172.17.0.5', 81],
      elsewhere: [HOST_IP, admin],
    };
    await eventually(async () => expect(await said()).toEqual(expected));
    await agent.reopen({ network: { hostIp: HOST_IP } });
    expect(await said()).toEqual(expected);
  });

  it('that is not advertised are reached there only if they say so', async () => {
    const network = { ip: '172.17.0.5', ports: { http: 8080 }, isAdvertised: false };
    const { hostPorts, said } = await servedBy(network);
    const { http, admin } = hostPorts;
    await eventually(async () => {
      expect(await said()).toEqual({
        auto: [HOST_IP, http],
        inside: ['172.17.0.5', 8080],
        outside: [HOST_IP, http],
        number: [HOST_IP, 81],
        elsewhere: [HOST_IP, admin],
      });
    });
  });

  it.each([
    [undefined, 'http', 'service inside: the driver has made no network'],
    [
      { ip: '172.17.0.5', ports: {}, isAdvertised: true },
      'http',
      'the driver gives no port that is labelled "http"',
    ],
  ])('%j: one that asks for what there is not is told of', async (network, port, text) => {
    const inside = { name: 'inside', port, addressMode: 'driver' } as const;
    const { agent, said } = await servedBy(network, [inside]);
    await eventually(async () => {
      const events = await agent.events('web');
      const failed = events.filter(({ type }) => type === 'HookFailed').map(({ data }) => data);
      expect(failed).toMatchObject([{ hook: 'services', phase: 'start', message: text }]);
    });
    expect(await said()).toEqual({});
    expect(await agent.view('web')).toMatchObject({ state: 'running' });
  });
});

describe('a check of a port by its number', () => {
  it('looks where the driver put the program', async () => {
    const server = createServer((socket) => socket.end());
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.9', resolve));
    const { port } = server.address() as AddressInfo;
    const agent = new MockAgent();
    const network = { ip: '127.0.0.9', ports: {}, isAdvertised: false };
    await agent.open({ drivers: [giving(agent, network)] });
    const checks = [{ type: 'tcp' as const, name: 'there', port, interval: '1s' }];
    await agent.start('web', {}, {}, { checks });
    await agent.until('web', 'running');
    await eventually(async () => {
      await agent.clock.advance('1s');
      const { checks: said } = await agent.orchestrator.health('web');
      expect(said).toMatchObject([{ check: 'there', status: 'passing' }]);
    });
  });
});
