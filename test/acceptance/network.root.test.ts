/** Groups in networks of their own: real namespaces, real CNI plugins, in a network that stands for the machine's. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import { namesIn } from '../../src/os/quiet-reads.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { noContainersBecause } from '../processes/container-rig.ts';
import { NetworkMachine, noNetworksBecause, sh } from './network-rig.ts';
import { until } from './rig.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

type Ports = NonNullable<NonNullable<GroupSpecInput['network']>['ports']>;
type Task = GroupSpecInput['tasks'][number];
const PLUGINS = ['bridge', 'host-local', 'firewall', 'portmap'].map((one) => `/usr/lib/cni/${one}`);

let machine: NetworkMachine;
let agent: Orchestrator;
beforeEach(async ({ task }) => {
  if (task.mode === 'skip') return;
  machine = new NetworkMachine();
  agent = await machine.startAgent('--network', 'hostIp=127.0.0.1');
});
afterEach(async () => machine?.scrap());

const shell = (name: string, script: string, more: Partial<Task> = {}): Task => ({
  name,
  driver: 'raw_exec',
  config: { command: '/bin/sh', args: ['-c', script] },
  ...more,
});

async function output(allocId: string, task: string, lines: number): Promise<readonly string[]> {
  return until(`${task} has written`, () => {
    const isBegun = existsSync(join(machine.dataDir, 'state', 'logs', allocId));
    const found = (isBegun ? machine.outputOf(allocId, task) : '').trim().split('\n');
    return found.length >= lines && found[0] !== '' && found;
  });
}

const none = noNetworksBecause('busybox', 'runc', 'conmon') ?? noContainersBecause();

describe.skipIf(none)(`a group in a network of mode none (${none ?? 'here'})`, () => {
  it('has nothing but lo, which its tasks of both executors share, until it has ended', async () => {
    const look = 'readlink /proc/self/ns/net; ip -br link | cut -d" " -f1; ';
    const group = {
      name: 'alone',
      network: { mode: 'none' },
      tasks: [
        shell('serves', `${look} exec busybox httpd -f -p 127.0.0.1:80 -h /etc`),
        shell(
          'asks',
          `${look} until wget -qO- http://127.0.0.1/hostname; do sleep 0.1; done; sleep 1000`,
          {
            driver: 'exec',
            user: 'root',
            env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' },
          },
        ),
      ],
    };
    const { allocId } = await agent.run(group);
    const [first, ...devices] = await output(allocId, 'serves', 2);
    const [second, ...others] = await output(allocId, 'asks', 3);
    expect(devices).toEqual(['lo']);
    expect(others.slice(0, 1)).toEqual(['lo']);
    expect(second).toBe(first);
    expect(machine.namespaces()).toHaveLength(1);
    expect(await agent.inspect('alone')).toMatchObject({ networkMode: 'none', ip: null });
    await machine.killAgent();
    agent = await machine.startAgent();
    await agent.restart('alone/serves');
    const again = await output(allocId, 'serves', 4);
    expect(again[2]).toBe(first);
    await agent.stop('alone');
    expect(machine.namespaces()).toEqual([]);
  });
});

const bridged = none ?? noNetworksBecause('iptables', ...PLUGINS);

/** Everything of the machine's network that a group could leave behind, in an order of its own. */
function remains(): readonly string[] {
  const rules = machine.inside('iptables-save | grep "^-A" | sort');
  const links = machine.inside('ip -br link | cut -d@ -f1 | cut -d" " -f1 | sort');
  return [...rules.split('\n'), ...links.split('\n'), ...machine.namespaces(), ...addresses()];
}

/** Of those that are given to nobody twice. */
function addresses(): readonly string[] {
  return namesIn(`/var/lib/cni/networks/holdfast-${BRIDGE}`).filter((name) => /^\d/.test(name));
}

const BRIDGE = `hft${process.pid}`;
const NETWORK = ['--network', `bridge=${BRIDGE}`, '--network', 'hostIp=10.77.0.1'];
const serving = (name: string, ports: Ports): GroupSpecInput => ({
  name,
  network: { mode: 'bridge', ports },
  tasks: [
    shell('web', 'echo "$NOMAD_ALLOC_ADDR_http"; exec busybox httpd -f -p "$PORT_http" -h /etc'),
  ],
});

describe.skipIf(bridged)(`groups on a bridge (${bridged ?? 'here'})`, () => {
  let before: readonly string[];
  beforeEach(async () => {
    await machine.killAgent();
    machine.inside('ip address add 10.77.0.1/32 dev lo');
    agent = await machine.startAgent(...NETWORK);
    // The bridge itself and the chains of the plugins stay, as they do with Docker and Nomad.
    await agent.run(serving('first', { http: {} }));
    await until(
      'it runs',
      async () => (await agent.inspect('first')).tasks[0]?.state === 'running',
    );
    await agent.stop('first');
    before = remains();
  });
  afterEach(() =>
    rmSync(`/var/lib/cni/networks/holdfast-${BRIDGE}`, { recursive: true, force: true }),
  );

  it('reach each other, are reached at the port of the machine, and leave nothing', async () => {
    const { allocId } = await agent.run(serving('web', { http: { static: 8080, to: 80 } }));
    const [address = ''] = await output(allocId, 'web', 1);
    const view = await agent.inspect('web');
    expect(address).toBe(`${view.ip}:80`);
    expect(view.ip).toMatch(/^172\.26\./);
    expect(view.ports).toEqual([{ label: 'http', hostIp: '10.77.0.1', hostPort: 8080, to: 80 }]);

    const fetching = 'until wget -qO- http://$OTHER/hostname; do sleep 0.1; done; sleep 1000';
    const client = await agent.run({
      name: 'client',
      network: { mode: 'bridge' },
      tasks: [shell('asks', fetching, { env: { OTHER: address } })],
    });
    const hostname = readFileSync('/etc/hostname', 'utf8').trim();
    expect(await output(client.allocId, 'asks', 1)).toEqual([hostname]);
    expect(machine.inside('wget -qO- http://10.77.0.1:8080/hostname').trim()).toBe(hostname);
    await expect(agent.run(serving('late', { http: { static: 8080 } }))).rejects.toMatchObject({
      code: 'PORT_IN_USE',
    });
    await agent.stop('web');
    await agent.stop('client');
    expect(remains()).toEqual(before);
  });

  it('keep what they have while agents are killed, and leave nothing when they have ended', async () => {
    // In the middle of whatever it does for the first start.
    const { allocId } = await agent.run(serving('web', { http: { static: 8081, to: 80 } }));
    await machine.killAgent();
    agent = await machine.startAgent(...NETWORK);
    await output(allocId, 'web', 1);
    const { ip } = await agent.inspect('web');
    await machine.killAgent();
    agent = await machine.startAgent(...NETWORK);
    expect(await agent.inspect('web')).toMatchObject({ ip, ports: [{ hostPort: 8081 }] });
    await agent.restart('web');
    expect(await output(allocId, 'web', 2)).toEqual([`${ip}:80`, `${ip}:80`]);
    await until('it serves', () => {
      try {
        return machine.inside('wget -qO- http://10.77.0.1:8081/hostname');
      } catch {
        return undefined;
      }
    });
    // In the middle of its end.
    const stopping = agent.stop('web').catch(() => undefined);
    await machine.killAgent();
    await stopping;
    agent = await machine.startAgent(...NETWORK);
    await agent.stop('web');
    await until('nothing is left', () => machine.namespaces().length === 0);
    expect(remains()).toEqual(before);
  });
});

describe.skipIf(none)(`an isolated task (${none ?? 'here'})`, () => {
  it('finds the host name and the name servers of its group', async () => {
    const look = 'hostname; cat /etc/resolv.conf; grep web1 /etc/hosts; sleep 1000';
    const dns = { servers: ['192.0.2.53'], searches: ['lab.example'], options: ['ndots:3'] };
    const group = {
      name: 'named',
      network: { mode: 'none', hostname: 'web1', dns },
      tasks: [shell('looks', look, { driver: 'exec' })],
    };
    const { allocId } = await agent.run(group);
    const [name, server, search, options, host] = await output(allocId, 'looks', 5);
    expect(name).toBe('web1');
    expect([server, search]).toEqual(['nameserver 192.0.2.53', 'search lab.example']);
    expect([options, host]).toEqual(['options ndots:3', '127.0.1.1 web1']);
    expect(sh('hostname').trim()).not.toBe('web1');
    const other = { ...group, name: 'open', tasks: [shell('looks', look)] };
    await expect(agent.run(other)).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' });
    await agent.stop('named');
  });

  it('is refused a network that its machine cannot give, with the reason', async () => {
    const tasks = [shell('a', 'true')];
    const asked = (mode: string) => agent.run({ name: 'x', network: { mode }, tasks });
    await expect(asked('cni/nowhere')).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
      message: expect.stringContaining('there is no CNI network nowhere in'),
    });
    await machine.killAgent();
    agent = await machine.startAgent('--network', 'cniPath=/nowhere');
    await expect(asked('bridge')).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
      message: expect.stringContaining('CNI plugin bridge is not in /nowhere'),
    });
    expect(await agent.allocs({ all: true })).toEqual([]);
  });
});
