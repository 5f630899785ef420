import { describe, expect, it } from 'vitest';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import type { NetworkSpec } from '../../src/spec/network-spec.ts';
import { candidates } from '../../src/spec/port-range.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';

const tasks = [{ name: 'web', driver: 'raw_exec' }];
type Written = GroupSpecInput['network'];

function resolved(network: Written): NetworkSpec | undefined {
  return resolveSpec(validateGroup({ name: 'web', network, tasks })).network;
}

describe('the network of a group', () => {
  it('is none when nothing but the default is said', () => {
    expect(resolved({})).toBeUndefined();
    expect(resolved({ mode: 'host', ports: {} })).toBeUndefined();
  });

  it('has its ports in the order in which they are written', () => {
    const ports = {
      http: { static: 8080, ignoreCollision: true },
      any: {},
      admin: { hostNetwork: 'private' },
    };
    expect(resolved({ ports })).toEqual({
      mode: 'host',
      ports: [
        { label: 'http', static: 8080, isShared: true },
        { label: 'any' },
        { label: 'admin', hostNetwork: 'private' },
      ],
    });
  });

  it('is told to its tasks where it is more than ports', () => {
    const told = (network: Written) =>
      resolveSpec(validateGroup({ name: 'web', network, tasks })).tasks[0]?.network;
    expect(told({ ports: { http: {} } })).toBeUndefined();
    expect(told({ mode: 'none' })).toEqual({ mode: 'none' });
    const dns = { servers: ['10.0.0.1', 'fd00::1'], searches: [] };
    const ports = { http: { static: 80, to: 8080 } };
    expect(resolved({ mode: 'cni/lab', hostname: 'web-1', dns, ports })).toEqual({
      mode: 'cni/lab',
      hostname: 'web-1',
      dns: { servers: ['10.0.0.1', 'fd00::1'] },
      ports: [{ label: 'http', static: 80, to: 8080 }],
    });
    expect(told({ hostname: 'web' })).toEqual({ mode: 'host', hostname: 'web' });
  });

  it.each([
    [{ mode: 'none', ports: { http: {} } }, 'cannot be had in mode none'],
    [{ ports: { http: { to: 80 } } }, 'is for networks of their own'],
    [
      { mode: 'bridge', ports: { a: { static: 80, ignoreCollision: true } } },
      'is for mode host: a port leads into one network only',
    ],
    [{ mode: 'cni/' }, 'must be "host", "none", "bridge" or "cni/NAME"'],
    [{ mode: 'cni/../../etc' }, 'must be "host"'],
    [{ mode: 'container' }, 'must be "host"'],
    [{ hostname: 'a b' }, 'must be a host name'],
    [{ hostname: '-a' }, 'must be a host name'],
    [{ dns: { servers: ['example.com'] } }, 'must be an IP address'],
    [{ dns: { searches: ['a\nnameserver 10.0.0.1'] } }, 'must be a domain'],
    [{ dns: { options: ['a b'] } }, 'must be an option'],
    [{ ports: { 'a-b': {}, a_b: {} } }, 'cannot be told from a-b in the names of variables'],
    [{ ports: { a: { static: 80 }, b: { static: 80 } } }, 'is that of a too: 80'],
    [{ ports: { a: { ignoreCollision: true } } }, 'is for static ports'],
    [{ ports: { a: { static: 0 } } }, 'network.ports.a.static'],
    [{ ports: { a: { static: 65_536 } } }, 'network.ports.a.static'],
    [{ ports: { 'a b': {} } }, 'must be letters, digits'],
  ])('refuses %j', (network, text) => {
    expect(() => resolved(network as Written)).toThrow(text);
  });
});

it('goes through all ports of a range from any of them on', () => {
  const range = { from: 5, to: 8 };
  expect([...candidates(range, 0)]).toEqual([5, 6, 7, 8]);
  expect([...candidates(range, 0.999)]).toEqual([8, 5, 6, 7]);
});
