/** What a spec says of resources, as what a cgroup enforces: Nomad's rule for memory. Pure. */
import type { ResourceLimits } from '../spec/task-spec.ts';
import { type CgroupLimits, type Controller, controllersFor } from '../os/cgroup-plan.ts';

const MEBIBYTE = 1024 * 1024;

export function kernelLimits(resources: ResourceLimits): CgroupLimits {
  const { cpu, cpuMax, cpuset, memoryMb, memoryMaxMb, pids } = resources;
  const hardMb = memoryMaxMb ?? memoryMb;
  return {
    ...(hardMb !== undefined && { memoryMaxBytes: hardMb * MEBIBYTE }),
    ...(memoryMaxMb !== undefined &&
      memoryMb !== undefined && { memoryLowBytes: memoryMb * MEBIBYTE }),
    ...(cpu !== undefined && { cpuShareMillis: Math.max(1, Math.round(cpu * 1000)) }),
    ...(cpuMax !== undefined && { cpuMaxMillis: Math.max(1, Math.round(cpuMax * 1000)) }),
    ...(cpuset !== undefined && { cpuset }),
    ...(pids !== undefined && { pids }),
  };
}

/** The capabilities of the machine that these limits need, by name. */
export function limitCapabilities(resources: ResourceLimits): readonly `limits.${Controller}`[] {
  return controllersFor(kernelLimits(resources)).map((name) => `limits.${name}` as const);
}
