import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noContainersBecause } from '../processes/container-rig.ts';
import { until } from '../processes/host-rig.ts';
import { ExecRig, sh } from './exec-rig.ts';

const obstacle = noContainersBecause();

describe.skipIf(obstacle)(`a limited task of driver exec (${obstacle ?? 'here'})`, () => {
  let rig: ExecRig;
  beforeAll(() => {
    rig = new ExecRig();
  });
  afterAll(() => rig.end());

  async function endsOf(ref: string): Promise<readonly unknown[]> {
    const orchestrator = await rig.orchestrator();
    const found: unknown[] = [];
    const query = { until: 'head', ref, types: ['TaskExited'] } as const;
    for await (const event of orchestrator.events(query)) found.push(event.data);
    return found;
  }

  const EAT = 'head -c 200m /dev/zero | tail -c 200m >/dev/null';

  it('that uses more memory than it may is ended, and it is told why, every time', async () => {
    const rounds = Array.from({ length: 5 }, () =>
      rig.ran(`exec tail /dev/zero`, { resources: { memoryMb: 32 } }),
    );
    for (const { view } of await Promise.all(rounds)) {
      expect(view).toMatchObject({ state: 'failed', signal: 'SIGKILL' });
      expect(await endsOf(view.allocId)).toMatchObject([{ oomKilled: true }]);
    }
  });

  it('is told of a command that was ended for its memory by the code of its shell only', async () => {
    const { view } = await rig.ran(`${EAT}; exit 3`, { resources: { memoryMb: 32 } });
    expect(view).toMatchObject({ exitCode: 3 });
    expect(await endsOf(view.allocId)).toMatchObject([{ exitCode: 3, oomKilled: false }]);
    const last = await rig.ran(`${EAT}; exit $?`, { resources: { memoryMb: 32 } });
    expect(await endsOf(last.view.allocId)).toMatchObject([{ oomKilled: true }]);
  });

  it('cannot make more processes than it may', async () => {
    const script = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1 & done; wait';
    const { stderr } = await rig.ran(script, { resources: { pids: 10 } });
    expect(stderr).toMatch(/[Cc]annot fork|Resource temporarily unavailable/);
  });

  it('is told when it may have too few for a container', async () => {
    const { view } = await rig.ran('true', { resources: { pids: 1 } });
    expect(view).toMatchObject({ state: 'failed', exitCode: null });
    expect(view.reason).toContain('the limit of 1 pids leaves too few to make a container');
  });

  it('is in cgroups that say what was asked for, neither shim nor conmon with it, and leaves none', async () => {
    const orchestrator = await rig.orchestrator();
    const resources = {
      cpu: 0.5,
      cpuMax: 1.5,
      cpuset: '0',
      memoryMb: 48,
      memoryMaxMb: 64,
      pids: 50,
    };
    const alloc = await orchestrator.run(
      rig.group('exec sleep 600', { resources, killTimeout: '1s' }),
    );
    const { pid } = await untilIs(
      () => alloc.task('main').view(),
      ({ pid: it }) => it !== null,
    );
    const paths = sh(`cat /proc/${pid}/cgroup`).trim().split('\n');
    const path = paths.find((line) => line.includes('/holdfast/'))?.split(':')[2] ?? '';
    expect(path).toMatch(/^\/holdfast\/[0-9a-f]{32}\/[a-z2-7]{20}$/);
    expect(sh(`cat /sys/fs/cgroup/*${path}/cgroup.procs | sort -u`).trim()).toBe(String(pid));
    const file = (name: string): string => sh(`cat /sys/fs/cgroup/*${path}/${name}`).trim();
    if (readdirSync('/sys/fs/cgroup').includes('memory')) {
      expect(file('memory.limit_in_bytes')).toBe(String(64 * 1024 * 1024));
      expect(file('memory.soft_limit_in_bytes')).toBe(String(48 * 1024 * 1024));
      expect(file('cpu.shares')).toBe('512');
      expect(file('cpu.cfs_quota_us')).toBe('150000');
      expect(file('cpuset.cpus')).toBe('0');
    }
    expect(file('pids.max')).toBe('50');
    await alloc.stop();
    await until(() => sh(`ls -d /sys/fs/cgroup/*${path} 2>/dev/null || true`).trim() === '');
  });
});

async function untilIs<T>(look: () => Promise<T>, isIt: (seen: T) => boolean): Promise<T> {
  for (let tries = 0; tries < 600; tries += 1) {
    const seen = await look();
    if (isIt(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('never happened');
}
