import { describe, expect, it } from 'vitest';
import { PortPool, type PortRules } from '../../src/actors/port-pool.ts';
import type { AllocState } from '../../src/machines/alloc-machine.ts';
import { allocTable } from '../../src/machines/alloc-machine.ts';
import type { PortState } from '../../src/os/port-probe.ts';
import type { AssignedPort } from '../../src/spec/network-spec.ts';

const RULES: PortRules = {
  dynamicPorts: { from: 20_000, to: 20_003 },
  hostNetworks: { public: '192.0.2.1', private: '10.0.0.1' },
  hostIp: '10.0.0.9',
};

function alloc(value: string, ports: readonly AssignedPort[]): AllocState {
  return { value, context: { ...allocTable.initial.context, name: 'web', ports } };
}

class Machine {
  readonly allocs = new Map<string, AllocState>();
  readonly states = new Map<string, PortState>();
  readonly asked: string[] = [];
  chance = 0;

  pool(rules: PortRules = {}): PortPool {
    const probe = async (port: number, ip = '*'): Promise<PortState> => {
      this.asked.push(`${ip}:${port}`);
      return this.states.get(`${ip}:${port}`) ?? 'free';
    };
    const random = { fraction: () => this.chance };
    return new PortPool({ allocs: () => this.allocs, random, probe }, { ...RULES, ...rules });
  }
}

describe('a pool of ports', () => {
  it('gives static ports first, and every port once', async () => {
    const machine = new Machine();
    const pool = machine.pool();
    const wishes = [{ label: 'any' }, { label: 'http', static: 20_000 }, { label: 'more' }];
    const found = await pool.take('a1', 'web', wishes);
    expect(found).toEqual([
      { label: 'any', hostIp: '10.0.0.9', hostPort: 20_001 },
      { label: 'http', hostIp: '10.0.0.9', hostPort: 20_000 },
      { label: 'more', hostIp: '10.0.0.9', hostPort: 20_002 },
    ]);
  });

  it('passes over what is recorded, given, reserved, or used by others', async () => {
    const machine = new Machine();
    machine.chance = 0.9;
    const held = { label: 'x', hostIp: '10.0.0.9', hostPort: 20_003 };
    machine.allocs.set('a0', alloc('main', [held]));
    machine.states.set('*:20000', 'taken');
    const pool = machine.pool({ reservedPorts: [20_001] });
    const [port] = await pool.take('a1', 'web', [{ label: 'one' }]);
    expect(port?.hostPort).toBe(20_002);
    await expect(pool.take('a2', 'other', [{ label: 'one' }])).rejects.toMatchObject({
      code: 'RESOURCES_EXHAUSTED',
      message: expect.stringContaining('all ports from 20000 to 20003 are taken'),
    });
    machine.allocs.set('a1', alloc('stopped', [port as AssignedPort]));
    expect((await pool.take('a2', 'other', [{ label: 'one' }]))[0]?.hostPort).toBe(20_002);
  });

  it('names who has a static port', async () => {
    const machine = new Machine();
    const pool = machine.pool();
    await pool.take('a1', 'web', [{ label: 'http', static: 80 }]);
    await expect(pool.take('a2', 'other', [{ label: 'x', static: 80 }])).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: 'port x: 80 is that of alloc web (a1) until it has ended: port http',
      details: { port: 80, allocId: 'a1' },
    });
    machine.states.set('*:81', 'taken');
    await expect(pool.take('a2', 'other', [{ label: 'x', static: 81 }])).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining("ss -lntup 'sport = :81' shows it"),
    });
    await expect(
      machine.pool({ reservedPorts: [22] }).take('a2', 'other', [{ label: 'x', static: 22 }]),
    ).rejects.toMatchObject({ code: 'PORT_IN_USE', retryable: false });
  });

  it('gives none when one cannot be had', async () => {
    const machine = new Machine();
    const pool = machine.pool();
    machine.states.set('*:81', 'taken');
    const wishes = [
      { label: 'a', static: 80 },
      { label: 'b', static: 81 },
    ];
    await expect(pool.take('a1', 'web', wishes)).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    await expect(pool.take('a2', 'web', [{ label: 'a', static: 80 }])).resolves.toHaveLength(1);
  });

  it('gives a port to one of two that ask side by side', async () => {
    const pool = new Machine().pool();
    const wishes = [{ label: 'http', static: 80 }];
    const [one, other] = await Promise.allSettled([
      pool.take('a1', 'web', wishes),
      pool.take('a2', 'other', wishes),
    ]);
    expect([one.status, other.status]).toEqual(['fulfilled', 'rejected']);
    pool.release('a1');
    await expect(pool.take('a2', 'other', wishes)).resolves.toHaveLength(1);
  });

  it('has a port at each address of the machine, and the wildcard at none of them', async () => {
    const machine = new Machine();
    const pool = machine.pool();
    const at = (hostNetwork: string) => [{ label: 'http', static: 80, hostNetwork }];
    const [first] = await pool.take('a1', 'web', at('public'));
    expect(first).toEqual({
      label: 'http',
      hostIp: '192.0.2.1',
      hostPort: 80,
      hostNetwork: 'public',
    });
    await pool.take('a2', 'web', at('private'));
    expect(machine.asked).toEqual(['192.0.2.1:80', '10.0.0.1:80']);
    const everywhere = pool.take('a3', 'web', [{ label: 'http', static: 80 }]);
    await expect(everywhere).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    await expect(pool.take('a3', 'web', at('lost'))).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
      message: 'port http: this agent has no host network lost (known: public, private)',
    });
    machine.states.set('192.0.2.1:81', 'foreign');
    const gone = pool.take('a3', 'web', [{ label: 'x', static: 81, hostNetwork: 'public' }]);
    await expect(gone).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' });
  });

  it('lets programs share a static port that both want to share', async () => {
    const machine = new Machine();
    const pool = machine.pool();
    machine.states.set('*:80', 'taken');
    const shared = [{ label: 'http', static: 80, isShared: true }];
    await pool.take('a1', 'web', shared);
    await pool.take('a2', 'other', shared);
    const alone = pool.take('a3', 'third', [{ label: 'http', static: 80 }]);
    await expect(alone).rejects.toMatchObject({ details: { allocId: 'a1' } });
  });
});
