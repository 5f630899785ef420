import { expect, it } from 'vitest';
import { rawExec } from '../../src/drivers/raw-exec.ts';
import { DriverRegistry } from '../../src/drivers/registry.ts';
import type { HookDoors, HookRequest } from '../../src/hooks/hook.ts';
import { network } from '../../src/hooks/network.ts';
import type { SharedNetwork } from '../../src/hooks/network-door.ts';
import type { TaskNetwork } from '../../src/spec/network-spec.ts';
import { mockDriver, MockWorld, FakeClock } from '../../src/testing/index.ts';
import { taskSpec } from '../machines/stories.ts';

const FOUND: SharedNetwork = {
  namespace: '/run/netns/x',
  places: { interface: 'eth0', ip: '10.9.0.2' },
  files: { '/etc/resolv.conf': '/state/resolv.conf', '/etc/hosts': '/state/hosts' },
};

it('gives a task the network of its alloc, and the files that it does not mount itself', async () => {
  const own = {
    type: 'bind',
    source: '/mine',
    destination: '/etc/hosts',
    readOnly: true,
    propagation: 'private',
  } as const;
  const request = { task: taskSpec({ mounts: [own] }) } as HookRequest;
  const doors = { network: { ensure: async () => FOUND } } as HookDoors;
  expect(await network.prestart?.(request, doors)).toEqual({
    state: { namespace: '/run/netns/x', interface: 'eth0', ip: '10.9.0.2' },
    mounts: [{ ...own, source: '/state/resolv.conf', destination: '/etc/resolv.conf' }],
  });
  expect(network.when?.(taskSpec({}))).toBe(false);
  expect(network.when?.(taskSpec({ network: { mode: 'none' } }))).toBe(true);
});

it.each<[TaskNetwork, string, string]>([
  [{ mode: 'none' }, 'mock', 'task t: driver mock has no networks of groups, such as none'],
  [{ mode: 'host', hostname: 'a' }, 'raw_exec', 'task t: network.hostname is for isolated tasks'],
  [{ mode: 'none', dns: { searches: ['a'] } }, 'raw_exec', 'task t: network.dns is for isolated'],
])('%j is refused for a task of driver %s', async (wish, driver, text) => {
  const drivers = new DriverRegistry([mockDriver(new MockWorld(new FakeClock())), rawExec()]);
  const config = driver === 'mock' ? {} : { command: 'true' };
  const task = taskSpec({ name: 't', driver, config, network: wish });
  await expect(drivers.check(task)).rejects.toThrow(text);
});

it('is refused to a task whose config names another one', async () => {
  const drivers = new DriverRegistry([rawExec()]);
  const config = { command: 'true', networkNamespace: '/run/netns/y' };
  const task = taskSpec({ name: 't', driver: 'raw_exec', config, network: { mode: 'bridge' } });
  await expect(drivers.check(task)).rejects.toThrow('its group has one of its own (bridge)');
});
