import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namespaceKind } from '../../src/drivers/confine.ts';
import { noContainersBecause } from '../processes/container-rig.ts';
import { ExecRig, sh } from './exec-rig.ts';

const obstacle = noContainersBecause();
const NAME = `hf-test-${process.pid}`;

describe.skipIf(obstacle)(`a task in a network of its own (${obstacle ?? 'here'})`, () => {
  let rig: ExecRig;
  beforeAll(() => {
    rig = new ExecRig();
    sh(
      `ip netns add ${NAME} && ip -n ${NAME} link set lo up && ip -n ${NAME} address add 10.99.7.1/32 dev lo`,
    );
  });
  afterAll(async () => {
    await rig.end();
    sh(`ip netns del ${NAME}`);
  });

  it.each(['isolated', 'universal'])(
    'sees that and no other, as its executor is %s',
    async (executor) => {
      const config = { executor, networkNamespace: `/run/netns/${NAME}` };
      const script = 'readlink /proc/self/ns/net; ip -o -4 address show';
      const { stdout } = await rig.ran(script, {
        config,
        env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' },
      });
      const [network, ...addresses] = stdout.trim().split('\n');
      expect(network).toBe(sh(`ip netns exec ${NAME} readlink /proc/self/ns/net`).trim());
      expect(addresses.map((line) => line.split(/\s+/)[3])).toEqual([
        '127.0.0.1/8',
        '10.99.7.1/32',
      ]);
    },
  );

  it.each(['/etc/hostname', '/nope'])('is not started for %s', async (networkNamespace) => {
    const { view } = await rig.ran('true', { config: { networkNamespace } });
    expect(view).toMatchObject({ state: 'failed', exitCode: null });
    expect(view.reason).toMatch(/network namespace/);
    expect(view.reason).toContain(networkNamespace);
    expect(view.reason).not.toContain('runc');
  });

  it('is not started in a namespace of another kind, and says of which', async () => {
    for (const executor of ['isolated', 'universal']) {
      const config = { executor, networkNamespace: '/proc/self/ns/mnt' };
      const { view } = await rig.ran('true', { config });
      expect(view).toMatchObject({ state: 'failed', exitCode: null });
      expect(view.reason).toContain('no network namespace: it is one of kind mnt');
    }
    expect(namespaceKind(`/run/netns/${NAME}`)).toBe('net');
    expect(namespaceKind('/proc/self/ns/net')).toBe('net');
  });

  it('sees the network of the machine when nothing else is asked', async () => {
    const { stdout } = await rig.ran('readlink /proc/self/ns/net');
    expect(stdout).toBe(sh('readlink /proc/self/ns/net'));
  });
});
