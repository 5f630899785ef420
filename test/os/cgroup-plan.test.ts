import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cpuWeight, planCgroup, type CgroupLimits } from '../../src/os/cgroup-plan.ts';
import type { CgroupLayout } from '../../src/os/cgroup-layout.ts';
import { CgroupTree, PATH } from './cgroup-trees.ts';

let tree: CgroupTree;
beforeEach(() => (tree = new CgroupTree()));
afterEach(() => tree.end());

const ALL: CgroupLimits = {
  memoryMaxBytes: 64 * 1024 * 1024,
  memoryLowBytes: 32 * 1024 * 1024,
  cpuShareMillis: 500,
  cpuMaxMillis: 1_500,
  cpuset: '0-1',
  pids: 10,
};

/** One line for a step, without the root of the tree. */
function lines(layout: CgroupLayout, limits: CgroupLimits): readonly string[] {
  return planCgroup(layout, PATH, limits).steps.map((step) => {
    const text =
      step.is === 'directory'
        ? step.path
        : step.is === 'write'
          ? `${step.file} = ${step.text}${step.isOptional === true ? ' ?' : ''}`
          : step.is === 'inherit'
            ? `${step.file} <- ${step.from}`
            : `${step.dir} + ${step.controllers.join(' ')}`;
    return text.replaceAll(tree.root, '').replaceAll(PATH, '/…');
  });
}

describe('the plan', () => {
  test('without limits makes the tracking cgroup and nothing else', () => {
    const layout = tree.v1('memory').v1('pids').v2('').detect();
    expect(lines(layout, {})).toEqual(['/unified/holdfast', '/unified/holdfast/i1', '/unified/…']);
    expect(planCgroup(layout, PATH, {}).dirs).toEqual([`${tree.root}/unified${PATH}`]);
  });

  test('limits by v1 in the hierarchies that are needed, the memory before memory with swap', () => {
    const layout = tree.v1('memory').v1('cpu,cpuacct').v1('cpuset').v1('pids').v1('blkio').detect();
    const made = lines(layout, ALL);
    expect(made.filter((line) => line.includes(' = '))).toEqual([
      '/memory/…/memory.limit_in_bytes = 67108864',
      '/memory/…/memory.memsw.limit_in_bytes = 67108864 ?',
      '/memory/…/memory.soft_limit_in_bytes = 33554432',
      '/cpu,cpuacct/…/cpu.shares = 512',
      '/cpu,cpuacct/…/cpu.cfs_period_us = 100000',
      '/cpu,cpuacct/…/cpu.cfs_quota_us = 150000',
      '/cpuset/…/cpuset.cpus = 0-1',
      '/pids/…/pids.max = 10',
    ]);
    expect(made.some((line) => line.includes('blkio'))).toBe(false);
  });

  test('copies a v1 cpuset down level by level, because an empty one takes nobody in', () => {
    const made = lines(tree.v1('cpuset').detect(), { cpuset: '1' });
    expect(made).toEqual([
      '/cpuset/holdfast',
      '/cpuset/holdfast/cpuset.cpus <- /cpuset/cpuset.cpus',
      '/cpuset/holdfast/cpuset.mems <- /cpuset/cpuset.mems',
      '/cpuset/holdfast/i1',
      '/cpuset/holdfast/i1/cpuset.cpus <- /cpuset/holdfast/cpuset.cpus',
      '/cpuset/holdfast/i1/cpuset.mems <- /cpuset/holdfast/cpuset.mems',
      '/cpuset/…',
      '/cpuset/…/cpuset.cpus <- /cpuset/holdfast/i1/cpuset.cpus',
      '/cpuset/…/cpuset.mems <- /cpuset/holdfast/i1/cpuset.mems',
      '/cpuset/…/cpuset.cpus = 1',
    ]);
  });

  test('limits by v2 and enables the controllers in every level above the run', () => {
    expect(lines(tree.v2('memory cpu cpuset pids').detect(), ALL)).toEqual([
      '/unified + memory cpu cpuset pids',
      '/unified/holdfast',
      '/unified/holdfast + memory cpu cpuset pids',
      '/unified/holdfast/memory.low = max',
      '/unified/holdfast/i1',
      '/unified/holdfast/i1 + memory cpu cpuset pids',
      '/unified/holdfast/i1/memory.low = max',
      '/unified/…',
      '/unified/…/memory.max = 67108864',
      '/unified/…/memory.swap.max = 0 ?',
      '/unified/…/memory.low = 33554432',
      '/unified/…/cpu.weight = 59',
      '/unified/…/cpu.max = 150000 100000',
      '/unified/…/cpuset.cpus = 0-1',
      '/unified/…/pids.max = 10',
    ]);
  });

  test('of both versions limits each by the one that has its controller', () => {
    const layout = tree.v1('memory').v2('pids').detect();
    const plan = planCgroup(layout, PATH, { memoryMaxBytes: 4_194_304, pids: 3 });
    expect(plan.dirs.map((dir) => dir.replace(tree.root, ''))).toEqual([
      `/unified${PATH}`,
      `/memory${PATH}`,
    ]);
  });

  test('of a delegated cgroup touches nothing above it', () => {
    tree.v2('pids', { own: '/user/app' });
    tree.file('unified/user/app/cgroup.procs');
    const layout = tree.detect(false);
    const { steps } = planCgroup(layout, `${layout.parent}/i1/abcdefghijklmnop2345`, { pids: 3 });
    const first = steps.map((step) => (step.is === 'directory' ? step.path : ''))[1];
    expect(steps[0]).toMatchObject({ is: 'enable', dir: `${tree.root}/unified/user/app` });
    expect(first).toBe(`${tree.root}/unified/user/app/holdfast`);
  });
});

test.each([
  [2, 1],
  [1_024, 100],
  [262_144, 10_000],
])('%i shares of v1 are a weight of %i in v2', (shares, weight) => {
  expect(cpuWeight(shares)).toBe(weight);
});
