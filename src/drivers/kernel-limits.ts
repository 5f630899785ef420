/** What a spec says of resources, as what a cgroup enforces: Nomad's rule for memory. Pure. */
import type { ResourceLimits } from '../spec/task-spec.ts';
import type { KernelLimits } from './confinement.ts';

const MEBIBYTE = 1024 * 1024;

export function kernelLimits(resources: ResourceLimits): KernelLimits {
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
export function limitCapabilities(
  resources: ResourceLimits,
): readonly ('limits.memory' | 'limits.cpu' | 'limits.cpuset' | 'limits.pids')[] {
  const { cpu, cpuMax, cpuset, memoryMb, memoryMaxMb, pids } = resources;
  const isSet = (...values: readonly unknown[]): boolean => values.some((one) => one !== undefined);
  return [
    ...(isSet(memoryMb, memoryMaxMb) ? (['limits.memory'] as const) : []),
    ...(isSet(cpu, cpuMax) ? (['limits.cpu'] as const) : []),
    ...(isSet(cpuset) ? (['limits.cpuset'] as const) : []),
    ...(isSet(pids) ? (['limits.pids'] as const) : []),
  ];
}
