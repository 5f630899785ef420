/** The cgroup of a run, as the host that launches it makes it and puts it away. */
import { HoldfastError } from '../../errors.ts';
import { cgroupOfRun, isCgroupOfRun, machineCgroups } from '../../os/cgroup-layout.ts';
import { oomKills } from '../../os/cgroup-oom.ts';
import { type CgroupLimits, planCgroup } from '../../os/cgroup-plan.ts';
import {
  isCgroupEmpty,
  makeCgroup,
  removeCgroup,
  removeInstanceCgroup,
  trackingDir,
} from '../../os/cgroup-tree.ts';
import type { Limits } from '../../rpc/gen/holdfast/executor/v1/executor.ts';

/**
 * Makes the cgroup and gives the files by which it is joined. Throws START_FAILED or RESOURCES_EXHAUSTED; nothing of it
 * is left then.
 */
export function prepareCgroup(
  { cgroup, launchKey }: { readonly cgroup: string; readonly launchKey: string },
  limits: Limits | undefined,
): readonly string[] {
  if (cgroup === '') return [];
  if (!isCgroupOfRun(cgroup) || !cgroup.endsWith(`/${launchKey}`)) {
    throw new HoldfastError('INTERNAL', `${JSON.stringify(cgroup)} is not the cgroup of this run`);
  }
  const layout = machineCgroups();
  const plan = planCgroup(layout, cgroup, limits === undefined ? {} : cgroupLimits(limits));
  try {
    makeCgroup(plan);
  } catch (error) {
    removeCgroup(layout, cgroup);
    throw error;
  }
  return plan.dirs.map(joinFile);
}

function joinFile(dir: string): string {
  return `${dir}/cgroup.procs`;
}

/** The files by which the cgroup of a run is joined that exists. */
export function joinFiles(cgroup: string, limits: Limits | undefined): readonly string[] {
  if (cgroup === '') return [];
  const wish = limits === undefined ? {} : cgroupLimits(limits);
  return planCgroup(machineCgroups(), cgroup, wish).dirs.map(joinFile);
}

/** On the wire 0 and the empty text are no limit. */
export function cgroupLimits(limits: Limits): CgroupLimits {
  const { memoryMaxBytes, memoryLowBytes, cpuShareMillis, cpuMaxMillis, cpuset, pids } = limits;
  return {
    ...(memoryMaxBytes > 0 && { memoryMaxBytes }),
    ...(memoryLowBytes > 0 && { memoryLowBytes }),
    ...(cpuShareMillis > 0 && { cpuShareMillis }),
    ...(cpuMaxMillis > 0 && { cpuMaxMillis }),
    ...(cpuset !== '' && { cpuset }),
    ...(pids > 0 && { pids }),
  };
}

/** How many processes of the run the kernel has ended because it had used up its memory. */
export function oomKillsOf(cgroup: string): number {
  return cgroup === '' ? 0 : oomKills(machineCgroups(), cgroup);
}

/** Nothing of the run lives, by its cgroup: false for a run that has none, of which that says nothing. */
export function isProvedEmpty(cgroup: string): boolean {
  const dir = cgroup === '' ? undefined : trackingDir(machineCgroups(), cgroup);
  return dir !== undefined && isCgroupEmpty(dir);
}

/** Removes what nothing lives in any more. */
export function putCgroupAway(cgroup: string): void {
  if (cgroup !== '') removeCgroup(machineCgroups(), cgroup);
}

/** No run of this host is left: the directory of the instance goes unless another host needs it. */
export function putInstanceAway(instanceId: string): void {
  removeInstanceCgroup(machineCgroups(), instanceId);
}

/** Of a run that another host began: what its intent says, and without one where it would be. */
export function cgroupOfFound(
  intent: { readonly cgroup?: string } | undefined,
  instanceId: string,
  launchKey: string,
): string {
  if (intent !== undefined) return intent.cgroup ?? '';
  return cgroupOfRun(machineCgroups().parent, instanceId, launchKey);
}
