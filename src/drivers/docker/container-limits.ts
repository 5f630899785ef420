/** What a container may use, as the engine is told. Pure. */
import type { ContainerBody, ContainerWish } from './container-body.ts';

const MIB = 1_048_576;
/** The least that the kernel takes. */
const LEAST_SHARES = 2;
const SHARES_OF_A_CORE = 1_024;

export function containerLimits(wish: ContainerWish): ContainerBody {
  const { config } = wish;
  return {
    ...memory(wish),
    ...processors(wish),
    ...pids(wish),
    ...(config.shmSizeBytes !== undefined && { ShmSize: config.shmSizeBytes }),
    ...(config.ulimits.length > 0 && {
      Ulimits: config.ulimits.map(({ name, soft, hard }) => ({
        Name: name,
        Soft: soft === 'unlimited' ? -1 : soft,
        Hard: hard === 'unlimited' ? -1 : hard,
      })),
    }),
    ...(Object.keys(config.sysctl).length > 0 && { Sysctls: config.sysctl }),
    ...(Object.keys(config.storageOpt).length > 0 && { StorageOpt: config.storageOpt }),
  };
}

/** Hard is the larger of what the task and its settings say; what is asked for less is then kept for it. No swap. */
function memory({ run, config }: ContainerWish): ContainerBody {
  const { memoryMb = 0, memoryMaxMb = 0 } = run.task.resources ?? {};
  const { memoryHardLimit = 0 } = config;
  const hardMb = Math.max(memoryHardLimit, memoryMaxMb, 0);
  const kept = memoryMb > 0 && { MemoryReservation: memoryMb * MIB };
  // Somebody asked for no limit at all.
  if (memoryHardLimit === -1) return { ...kept };
  if (hardMb > 0) return { ...hard(hardMb), ...(hardMb > memoryMb && kept) };
  return memoryMb > 0 ? hard(memoryMb) : {};
}

function hard(megabytes: number): ContainerBody {
  const bytes = megabytes * MIB;
  return { Memory: bytes, MemorySwap: bytes, MemorySwappiness: 0 };
}

function processors({ run, config }: ContainerWish): ContainerBody {
  const { cpu, cpuMax, cpuset = config.cpusetCpus } = run.task.resources ?? {};
  const most = config.cpuHardLimit ? (cpuMax ?? cpu) : cpuMax;
  const { cpuCfsPeriod: period } = config;
  return {
    ...(cpu !== undefined && {
      CpuShares: Math.max(LEAST_SHARES, Math.round(cpu * SHARES_OF_A_CORE)),
    }),
    ...(most !== undefined && { CpuPeriod: period, CpuQuota: Math.round(most * period) }),
    ...(cpuset !== undefined && { CpusetCpus: cpuset }),
  };
}

function pids({ run, config, options }: ContainerWish): ContainerBody {
  const most = config.pidsLimit ?? run.task.resources?.pids ?? options.pidsLimit;
  return most === undefined ? {} : { PidsLimit: most };
}
