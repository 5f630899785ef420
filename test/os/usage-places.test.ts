import { expect, test } from 'vitest';
import { parseCgroupMounts } from '../../src/os/cgroup-layout.ts';
import { cgroupPlaces } from '../../src/os/usage-places.ts';

const KEY = 'abcdefghij2345672345';
const RUN = `/holdfast/i1/${KEY}`;

/** Of a kernel with each controller of v1 by itself and v2 beside them. */
const HYBRID = `23 1 254:0 / / rw,relatime - ext4 /dev/root rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;

test('on a hybrid machine time and members are in v2, and what is limited is where v1 has it', () => {
  const membership = `8:pids:/\n4:memory:${RUN}\n2:cpuacct:/\n0::${RUN}\n`;
  expect(cgroupPlaces(parseCgroupMounts(HYBRID), membership, KEY)).toEqual({
    unified: `/sys/fs/cgroup/unified${RUN}`,
    memory: `/sys/fs/cgroup/memory${RUN}`,
    members: `/sys/fs/cgroup/unified${RUN}`,
  });
});

test('a hierarchy of v1 with two controllers is the place of both', () => {
  const mounts = parseCgroupMounts(
    '5 1 0:9 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n' +
      '6 1 0:8 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n',
  );
  const dir = `/sys/fs/cgroup/cpu,cpuacct${RUN}`;
  expect(cgroupPlaces(mounts, `3:cpu,cpuacct:${RUN}\n2:pids:${RUN}\n`, KEY)).toEqual({
    cpu: dir,
    cpuacct: dir,
    pids: `/sys/fs/cgroup/pids${RUN}`,
    members: `/sys/fs/cgroup/pids${RUN}`,
  });
});

test('a program that went into a cgroup below its own is still counted in its own', () => {
  const mounts = parseCgroupMounts('7 1 0:9 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n');
  const places = cgroupPlaces(mounts, `0::${RUN}/inner/most\n`, KEY);
  expect(places.unified).toBe(`/sys/fs/cgroup${RUN}`);
});

test('what is mounted in a container begins behind the part that the container sees', () => {
  const mounts = parseCgroupMounts(
    '7 1 0:9 /docker/c1 /sys/fs/cgroup\\040here rw - cgroup2 cgroup rw\n',
  );
  expect(cgroupPlaces(mounts, `0::/docker/c1${RUN}\n`, KEY).unified).toBe(
    `/sys/fs/cgroup here${RUN}`,
  );
  expect(cgroupPlaces(mounts, `0::/elsewhere${RUN}\n`, KEY)).toEqual({});
});

test.each([
  ['nothing', ''],
  ['cgroups of somebody else', '4:memory:/user.slice\n0::/user.slice/abcdefghij234567234\n'],
  ['a hierarchy without a name that is not v2', `5::${RUN}\n`],
  ['lines that are none', `memory:${RUN}\n4:memory\n`],
])('of %s there is no place', (_what, membership) => {
  expect(cgroupPlaces(parseCgroupMounts(HYBRID), membership, KEY)).toEqual({});
});
