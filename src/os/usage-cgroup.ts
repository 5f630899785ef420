/** What the files of a run’s cgroups say, v1 and v2: admin-guide/cgroup-v1 and cgroup-v2 of the kernel. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { kernelText, type ReadText } from './kernel-text.ts';
import type { CgroupPlaces } from './usage-places.ts';
import type { CpuUse, IoUse, MemoryUse } from './usage.ts';

const TICK_NS = 10_000_000;
const US_NS = 1_000;
/** What v1 writes for "no limit" is the largest number of whole pages. */
const NO_LIMIT = 2 ** 60;

/** `name value` in each line. */
function numbersOf(text: string | undefined): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const line of (text ?? '').split('\n')) {
    const at = line.indexOf(' ');
    if (at > 0) numbers.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return numbers;
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+\n?$/.test(text) ? Number(text) : undefined;
}

/** Undefined where no hierarchy counts the run's time. */
export function cgroupCpu(
  { unified, cpuacct, cpu }: CgroupPlaces,
  read: ReadText = kernelText,
): CpuUse | undefined {
  const limits = cpu === undefined ? new Map<string, number>() : numbersOf(read(`${cpu}/cpu.stat`));
  const v2 =
    unified === undefined ? new Map<string, number>() : numbersOf(read(`${unified}/cpu.stat`));
  const throttled = {
    throttledPeriods: v2.get('nr_throttled') ?? limits.get('nr_throttled'),
    throttledNs: scaled(v2.get('throttled_usec'), US_NS) ?? limits.get('throttled_time'),
  };
  const [total, user, system] = ['usage_usec', 'user_usec', 'system_usec'].map((name) =>
    scaled(v2.get(name), US_NS),
  );
  if (total !== undefined && user !== undefined && system !== undefined) {
    return { totalNs: total, userNs: user, systemNs: system, ...throttled };
  }
  if (cpuacct === undefined) return undefined;
  const totalNs = numberOf(read(`${cpuacct}/cpuacct.usage`));
  const parts = numbersOf(read(`${cpuacct}/cpuacct.stat`));
  const [userNs, systemNs] = ['user', 'system'].map((name) => scaled(parts.get(name), TICK_NS));
  if (totalNs === undefined || userNs === undefined || systemNs === undefined) return undefined;
  return { totalNs, userNs, systemNs, ...throttled };
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

/** Undefined where the memory of the run is not counted. */
export function cgroupMemory(
  { unified, controllers, memory }: CgroupPlaces,
  read: ReadText = kernelText,
): MemoryUse | undefined {
  if (memory !== undefined) return memoryV1(memory, read);
  if (unified === undefined || controllers?.has('memory') !== true) return undefined;
  return memoryV2(unified, read);
}

function memoryV1(dir: string, read: ReadText): MemoryUse | undefined {
  const usageBytes = numberOf(read(`${dir}/memory.usage_in_bytes`));
  if (usageBytes === undefined) return undefined;
  const stat = numbersOf(read(`${dir}/memory.stat`));
  return {
    usageBytes,
    rssBytes: stat.get('total_rss'),
    cacheBytes: stat.get('total_cache'),
    workingSetBytes: workingSet(usageBytes, stat.get('total_inactive_file')),
    maxUsageBytes: numberOf(read(`${dir}/memory.max_usage_in_bytes`)),
    limitBytes: limited(stat.get('hierarchical_memory_limit')),
    swapBytes: stat.get('total_swap'),
  };
}

function memoryV2(dir: string, read: ReadText): MemoryUse | undefined {
  const usageBytes = numberOf(read(`${dir}/memory.current`));
  if (usageBytes === undefined) return undefined;
  const stat = numbersOf(read(`${dir}/memory.stat`));
  return {
    usageBytes,
    rssBytes: stat.get('anon'),
    cacheBytes: stat.get('file'),
    workingSetBytes: workingSet(usageBytes, stat.get('inactive_file')),
    maxUsageBytes: numberOf(read(`${dir}/memory.peak`)),
    limitBytes: numberOf(read(`${dir}/memory.max`)),
    swapBytes: numberOf(read(`${dir}/memory.swap.current`)),
  };
}

function workingSet(usage: number, inactiveFile: number | undefined): number | undefined {
  return inactiveFile === undefined ? undefined : Math.max(0, usage - inactiveFile);
}

function limited(limit: number | undefined): number | undefined {
  return limit === undefined || limit >= NO_LIMIT ? undefined : limit;
}

/** Undefined where no hierarchy counts what the run reads and writes. */
export function cgroupIo(
  { unified, controllers, blkio }: CgroupPlaces,
  read: ReadText = kernelText,
): IoUse | undefined {
  const v1 = blkio && read(`${blkio}/blkio.throttle.io_service_bytes_recursive`);
  if (v1) return { readBytes: total(v1, /\bRead (\d+)/g), writeBytes: total(v1, /\bWrite (\d+)/g) };
  if (unified === undefined || controllers?.has('io') !== true) return undefined;
  const v2 = read(`${unified}/io.stat`);
  if (v2 === undefined) return undefined;
  return { readBytes: total(v2, /\brbytes=(\d+)/g), writeBytes: total(v2, /\bwbytes=(\d+)/g) };
}

function total(text: string, numbers: RegExp): number {
  return [...text.matchAll(numbers)].reduce((sum, [, digits]) => sum + Number(digits), 0);
}

/** Processes and threads of the run together, as its limit counts them. */
export function cgroupThreads(
  { unified, controllers, pids }: CgroupPlaces,
  read: ReadText = kernelText,
): number | undefined {
  const dir = pids ?? (controllers?.has('pids') === true ? unified : undefined);
  return dir === undefined ? undefined : numberOf(read(`${dir}/pids.current`));
}

/** Everybody in a cgroup and in what was made below it. Undefined when it is gone. */
export function cgroupMembers(dir: string, read: ReadText = kernelText): number[] | undefined {
  const text = read(join(dir, 'cgroup.procs'));
  if (text === undefined) return undefined;
  const pids = text.split('\n').flatMap((line) => (line === '' ? [] : [Number(line)]));
  for (const below of directoriesIn(dir)) pids.push(...(cgroupMembers(below, read) ?? []));
  return pids;
}

/** A directory has a link from each one in it: most cgroups have none, and are not listed. */
function directoriesIn(dir: string): string[] {
  try {
    if (statSync(dir).nlink <= 2) return [];
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(dir, entry.name));
  } catch {
    return [];
  }
}
