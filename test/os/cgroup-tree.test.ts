import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { killCgroup, killWay } from '../../src/os/cgroup-kill.ts';
import { oomKills } from '../../src/os/cgroup-oom.ts';
import { planCgroup } from '../../src/os/cgroup-plan.ts';
import {
  cgroupMembers,
  isCgroupEmpty,
  makeCgroup,
  removeCgroup,
  trackingDir,
} from '../../src/os/cgroup-tree.ts';
import { CgroupTree, PATH } from './cgroup-trees.ts';

let tree: CgroupTree;
beforeEach(() => (tree = new CgroupTree()));
afterEach(() => tree.end());

function read(name: string): string {
  return readFileSync(join(tree.root, name), 'utf8');
}

test('a plan is carried out twice as well as once', () => {
  const layout = tree.v2('pids').detect();
  for (const dir of ['holdfast', 'holdfast/i1']) tree.file(`unified/${dir}/cgroup.subtree_control`);
  tree.file(`unified${PATH}/pids.max`, '0');
  const plan = planCgroup(layout, PATH, { pids: 7 });
  makeCgroup(plan);
  makeCgroup(plan);
  expect(read(`unified${PATH}/pids.max`)).toBe('7');
  expect(read('unified/cgroup.subtree_control')).toBe('+pids');
});

test('a controller that is enabled already is not enabled again', () => {
  const layout = tree.v2('pids').detect();
  for (const dir of ['', 'holdfast/', 'holdfast/i1/']) {
    tree.file(`unified/${dir}cgroup.subtree_control`, 'cpu pids\n');
  }
  tree.file(`unified${PATH}/pids.max`);
  makeCgroup(planCgroup(layout, PATH, { pids: 7 }));
  expect(read('unified/holdfast/cgroup.subtree_control')).toBe('cpu pids\n');
});

test('a limit that the kernel does not know is an error and no file', () => {
  const layout = tree.v1('pids').detect();
  expect(() => makeCgroup(planCgroup(layout, PATH, { pids: 7 }))).toThrow(/pids\.max/);
});

test('an empty cpuset inherits what its parent has, another one keeps its own', () => {
  const layout = tree.v1('cpuset').v1('freezer').detect();
  tree.file('cpuset/cpuset.cpus', '0-3\n');
  tree.file('cpuset/cpuset.mems', '0\n');
  for (const dir of ['/holdfast', '/holdfast/i1', PATH]) {
    tree.file(`cpuset${dir}/cpuset.cpus`, dir === '/holdfast' ? '2\n' : '\n');
    tree.file(`cpuset${dir}/cpuset.mems`);
  }
  makeCgroup(planCgroup(layout, PATH, { cpuset: '2' }));
  expect(read('cpuset/holdfast/cpuset.cpus')).toBe('2\n');
  expect(read('cpuset/holdfast/i1/cpuset.cpus')).toBe('2\n');
  expect(read(`cpuset${PATH}/cpuset.mems`)).toBe('0\n');
});

test('members are those of the cgroups below, too, and none is named 0', () => {
  const layout = tree.v2('').detect();
  tree.file(`unified${PATH}/cgroup.procs`, '12\n0\n');
  tree.file(`unified${PATH}/a/b/cgroup.procs`, '13\n12\n');
  tree.file(`unified${PATH}/a/cgroup.procs`);
  const dir = trackingDir(layout, PATH) ?? '';
  expect(cgroupMembers(dir)).toEqual({ pids: [12, 13], isComplete: true });
  expect(isCgroupEmpty(dir)).toBe(false);
});

test('a cgroup is empty when its events say so, when nobody is in it, and when it is gone', () => {
  const layout = tree.v2('').detect();
  const dir = trackingDir(layout, PATH) ?? '';
  expect(isCgroupEmpty(dir)).toBe(true);
  tree.file(`unified${PATH}/cgroup.procs`);
  expect(isCgroupEmpty(dir)).toBe(true);
  tree.file(`unified${PATH}/cgroup.events`, 'populated 1\nfrozen 0\n');
  expect(isCgroupEmpty(dir)).toBe(false);
});

test('what cannot be read is not empty', () => {
  const layout = tree.v2('').detect();
  mkdirSync(join(tree.root, `unified${PATH}/cgroup.procs`), { recursive: true });
  const dir = trackingDir(layout, PATH) ?? '';
  expect(cgroupMembers(dir).isComplete).toBe(false);
  expect(isCgroupEmpty(dir)).toBe(false);
});

test('all of a v2 cgroup is ended by one word to the kernel', () => {
  const layout = tree.v2('').detect();
  tree.file(`unified${PATH}/cgroup.kill`);
  tree.file(`unified${PATH}/cgroup.procs`, '999999999\n');
  killCgroup(layout, PATH);
  expect(killWay(layout, PATH)).toBe('cgroup.kill');
  expect(read(`unified${PATH}/cgroup.kill`)).toBe('1');
});

test.each([
  ['v1', 'freezer/', 'freezer.state', 'THAWED'],
  ['v2', 'unified/', 'cgroup.freeze', '0'],
])(
  'of %s without cgroup.kill it is thawed after its members were signalled',
  (kind, at, name, text) => {
    const layout = (kind === 'v1' ? tree.v1('freezer') : tree.v2('')).detect();
    tree.file(`${at}${PATH}/${name}`, 'as it was');
    tree.file(`${at}${PATH}/cgroup.procs`);
    killCgroup(layout, PATH);
    expect(killWay(layout, PATH)).toBe('freezer');
    expect(read(`${at}${PATH}/${name}`)).toMatch(new RegExp(`^${text}`));
  },
);

test('no path but that of a run is ever ended', () => {
  const layout = tree.v2('').detect();
  for (const dir of ['', '/holdfast', '/holdfast/i1']) {
    tree.file(`unified${dir}/cgroup.kill`, 'untouched');
    killCgroup(layout, dir);
    expect(read(`unified${dir}/cgroup.kill`)).toBe('untouched');
  }
});

test('kills for want of memory are counted in v1 cgroups below, too, and once in v2', () => {
  const v1 = tree.v1('memory').detect();
  tree.file(`memory${PATH}/memory.oom_control`, 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n');
  tree.file(`memory${PATH}/sub/memory.oom_control`, 'under_oom 0\noom_kill 2\n');
  expect(oomKills(v1, PATH)).toBe(3);
  const other = new CgroupTree();
  const v2 = other.v2('memory').detect();
  other.file(`unified${PATH}/memory.events`, 'low 0\noom 1\noom_kill 4\noom_group_kill 0\n');
  other.file(`unified${PATH}/sub/memory.events`, 'oom_kill 4\n');
  expect(oomKills(v2, PATH)).toBe(4);
  expect(oomKills(v2, '/holdfast/i1')).toBe(0);
  other.end();
});

test('a cgroup is removed from every hierarchy, deepest first, and its parents stay', () => {
  const layout = tree.v1('memory').v2('').detect();
  for (const dir of [`memory${PATH}/a`, `unified${PATH}/a/b`]) {
    mkdirSync(join(tree.root, dir), { recursive: true });
  }
  expect(removeCgroup(layout, PATH)).toBe(true);
  expect(() => mkdirSync(join(tree.root, 'memory/holdfast/i1'))).toThrow(/EEXIST/);
  expect(() => readFileSync(join(tree.root, `unified${PATH}`))).toThrow(/ENOENT/);
  expect(removeCgroup(layout, PATH)).toBe(true);
});

test('a cgroup that still has something in it stays', () => {
  const layout = tree.v2('').detect();
  mkdirSync(join(tree.root, `unified${PATH}`), { recursive: true });
  writeFileSync(join(tree.root, `unified${PATH}/member`), '');
  expect(removeCgroup(layout, PATH)).toBe(false);
});
