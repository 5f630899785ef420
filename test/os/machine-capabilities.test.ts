import { describe, expect, it } from 'vitest';
import { noCgroups } from '../../src/os/cgroup-answers.ts';
import {
  assertCapability,
  CAPABILITY_NAMES,
  conclude,
  machineCapabilities,
  type MachineFacts,
} from '../../src/os/machine-capabilities.ts';

const here = { isAvailable: true, reason: 'it is here' };
const all: MachineFacts = {
  isRoot: true,
  cgroups: {
    tracking: here,
    kill: here,
    limits: { memory: here, cpu: here, cpuset: here, pids: here },
  },
  runc: here,
  conmon: here,
  setpriv: here,
  nsenter: here,
  ip: here,
  terminal: here,
  memoryDirs: here,
};
const of = (
  facts: Partial<MachineFacts>,
): ReadonlyMap<string, { isAvailable: boolean; reason: string }> =>
  new Map(conclude({ ...all, ...facts }).map((one) => [one.name, one]));

describe('what a machine can do', () => {
  it('is everything on one that has everything', () => {
    const missing = conclude(all).filter(({ isAvailable }) => !isAvailable);
    expect(missing).toEqual([]);
  });

  it('is named in one order, each once', () => {
    expect(conclude(all).map(({ name }) => name)).toEqual(CAPABILITY_NAMES);
  });

  it.each([
    [
      'runc',
      { runc: { isAvailable: false, reason: 'runc is not installed' } },
      'runc is not installed',
    ],
    [
      'conmon',
      { conmon: { isAvailable: false, reason: 'conmon does not run' } },
      'conmon does not run',
    ],
    ['root', { isRoot: false }, 'only root may do it'],
    ['cgroups', { cgroups: noCgroups('none is mounted') }, 'none is mounted'],
  ])('without %s is not to isolate, and says why', (_what, facts, reason) => {
    for (const name of ['executor.isolated', 'mount-propagation']) {
      expect(of(facts).get(name)).toMatchObject({ isAvailable: false, reason });
    }
    expect(of(facts).get('executor.universal')).toMatchObject({ isAvailable: true });
  });

  it('without cgroups tracks as well as it can, which is no capability', () => {
    const answers = of({ cgroups: noCgroups('none is mounted') });
    expect(answers.get('cgroup.tracking')).toMatchObject({
      isAvailable: false,
      reason: 'best effort by marks and sessions: none is mounted',
    });
    expect(answers.get('oom-report')?.isAvailable).toBe(false);
  });

  it('is told of this machine, and what is missing is an error with the reason', async () => {
    const told = await machineCapabilities();
    expect(told.map(({ name }) => name)).toEqual(CAPABILITY_NAMES);
    for (const { name, isAvailable, reason } of told) {
      expect(reason).not.toBe('');
      const ask = (): void => assertCapability(name, 'a test');
      if (isAvailable) expect(ask).not.toThrow();
      else expect(ask).toThrow(expect.objectContaining({ code: 'CAPABILITY_MISSING' }));
    }
  });
});
