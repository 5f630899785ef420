import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cgroupAnswers } from '../../src/os/cgroup-answers.ts';
import {
  cgroupOfRun,
  isCgroupOfRun,
  parseMembership,
  trackingPoint,
} from '../../src/os/cgroup-layout.ts';
import { CgroupTree, KEY } from './cgroup-trees.ts';

let tree: CgroupTree;
beforeEach(() => (tree = new CgroupTree()));
afterEach(() => tree.end());

describe('the layout', () => {
  test('is none where nothing is mounted, and says so', () => {
    const layout = tree.detect();
    expect(layout.mode).toBe('none');
    const { tracking, limits } = cgroupAnswers(layout);
    expect(tracking).toEqual({ isAvailable: false, reason: 'no cgroup hierarchy is mounted' });
    expect(limits.memory.isAvailable).toBe(false);
  });

  test('of v1 tracks by the freezer, because what is frozen can be killed in one go', () => {
    const layout = tree.v1('pids').v1('freezer').v1('name=systemd').detect();
    expect(layout.mode).toBe('v1');
    expect(trackingPoint(layout)).toBe(join(tree.root, 'freezer'));
    expect(cgroupAnswers(layout).limits.pids.isAvailable).toBe(true);
    expect(cgroupAnswers(layout).limits.memory.reason).toContain('controller memory');
  });

  test('finds each controller of a hierarchy that has several', () => {
    const layout = tree.v1('cpu,cpuacct').detect();
    expect([...layout.v1.keys()]).toEqual(['cpu', 'cpuacct']);
    expect(trackingPoint(layout)).toBeUndefined();
    expect(cgroupAnswers(layout).tracking.isAvailable).toBe(false);
  });

  test('of both versions tracks by the unified hierarchy and limits by the others', () => {
    const layout = tree.v1('memory').v2('hugetlb').detect();
    expect(layout.mode).toBe('hybrid');
    expect(trackingPoint(layout)).toBe(join(tree.root, 'unified'));
    const { limits } = cgroupAnswers(layout);
    expect(limits.memory.isAvailable).toBe(true);
    expect(limits.pids.reason).toContain('does not offer the controller pids');
  });

  test('offers no limit of a v2 cgroup that has processes and is not the real root', () => {
    const layout = tree.v2('memory pids').detect();
    tree.file('unified/cgroup.events', 'populated 1\n');
    tree.file('unified/cgroup.procs', '1\n');
    tree.file('unified/cgroup.subtree_control', 'pids\n');
    const { limits } = cgroupAnswers(layout);
    expect(limits.pids.isAvailable).toBe(true);
    expect(limits.memory.reason).toContain('which has processes of its own');
  });

  test('leaves hierarchies alone that are mounted read-only', () => {
    const layout = tree.v1('memory', 'ro').v2('memory', { options: 'ro' }).detect();
    expect(layout.v1.size).toBe(0);
    expect(layout.reason).toBe('the cgroup hierarchies are mounted read-only');
  });

  test('gives a user only the v2 cgroup that was delegated to him', () => {
    tree.v1('memory').v2('memory', { own: '/user/app' });
    tree.file('unified/user/app/cgroup.procs');
    const layout = tree.detect(false);
    expect(layout.v1.size).toBe(0);
    expect(layout.parent).toBe('/user/app/holdfast');
    expect(trackingPoint(layout)).toBe(join(tree.root, 'unified'));
  });

  test('gives a user nothing of v1, and says why', () => {
    expect(tree.v1('memory').detect(false).reason).toBe('only root may use cgroup v1');
  });

  test.skipIf(process.geteuid?.() === 0)('gives a user no cgroup that he cannot write', () => {
    tree.v2('memory', { own: '/user' });
    mkdirSync(join(tree.root, 'unified/user'));
    chmodSync(join(tree.root, 'unified/user'), 0o555);
    expect(tree.detect(false).reason).toContain('no cgroup was delegated to this user');
  });
});

test('a line of membership without a name says nothing, unless it is that of v2', () => {
  const paths = parseMembership('5::/x\n4:memory,foo:/m\n1:name=systemd:/a:b\n0::/u\nrubbish\n');
  expect(Object.fromEntries(paths)).toEqual({
    memory: '/m',
    foo: '/m',
    'name=systemd': '/a:b',
    '': '/u',
  });
});

test.each([
  [cgroupOfRun('/holdfast', 'i1', KEY), true],
  [cgroupOfRun('/user/app/holdfast', 'i1', KEY), true],
  ['', false],
  ['/', false],
  [`/${KEY}`, false],
  [`/holdfast/${KEY}`, false],
  ['/holdfast/i1', false],
  [`/holdfast/../x/${KEY}`, false],
  [`/holdfast//${KEY}`, false],
  [`holdfast/i1/${KEY}`, false],
  [`/holdfast/i1/${KEY}/`, false],
])('of the path %j it is %j that it is a run’s', (path, isOfRun) => {
  expect(isCgroupOfRun(path)).toBe(isOfRun);
});
