/** What a container may use, beside `resources` of its task. */
import type { ConfigReading } from '../config-reading.ts';
import type { ResourceLimit } from '../confinement.ts';
import { readResourceLimits } from '../resource-limits.ts';

export interface LimitConfig {
  /** No more processor time than `resources.cpu` says, also when others are idle. */
  readonly cpuHardLimit: boolean;
  /** Microseconds. */
  readonly cpuCfsPeriod: number;
  readonly cpusetCpus: string | undefined;
  /** MiB; what `resources` says is then kept for the task when memory is short. -1: no limit. */
  readonly memoryHardLimit: number | undefined;
  readonly pidsLimit: number | undefined;
  readonly shmSizeBytes: number | undefined;
  readonly ulimits: readonly ResourceLimit[];
  readonly sysctl: Readonly<Record<string, string>>;
  readonly oomScoreAdj: number | undefined;
}

const CFS_PERIOD_US = 100_000;

export function readLimits(reading: ConfigReading): LimitConfig {
  const cpusetCpus = reading.text('cpusetCpus', 'a list of processors such as "0-1,3"');
  if (cpusetCpus !== undefined && !/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(cpusetCpus)) {
    reading.wrong('cpusetCpus', 'must be a list of processors such as "0-1,3"');
  }
  return {
    cpuHardLimit: reading.isOn('cpuHardLimit'),
    // 0 is Nomad's word for the default.
    cpuCfsPeriod: reading.wholeNumber('cpuCfsPeriod', 0, 1_000_000) || CFS_PERIOD_US,
    cpusetCpus,
    memoryHardLimit: reading.wholeNumber('memoryHardLimit', -1, 1_073_741_824),
    pidsLimit: reading.wholeNumber('pidsLimit', -1, 4_194_304),
    shmSizeBytes: reading.wholeNumber('shmSize', 0, Number.MAX_SAFE_INTEGER),
    ulimits: readResourceLimits(reading, 'ulimit'),
    sysctl: reading.textMap('sysctl'),
    oomScoreAdj: reading.wholeNumber('oomScoreAdj', 0, 1_000),
  };
}
