/** What makes the cgroup of a run, as data: directories, and what is written into which file. Pure. */
import { type CgroupLayout, trackingPoint } from './cgroup-layout.ts';

/** What a cgroup enforces. Absent: not limited. */
export interface CgroupLimits {
  readonly memoryMaxBytes?: number;
  /** Kept for the run when memory is short. */
  readonly memoryLowBytes?: number;
  /** Thousandths of a core. */
  readonly cpuShareMillis?: number;
  readonly cpuMaxMillis?: number;
  readonly cpuset?: string;
  readonly pids?: number;
}

export type CgroupStep =
  | { readonly is: 'directory'; readonly path: string }
  | {
      readonly is: 'write';
      readonly file: string;
      readonly text: string;
      /** A file that this kernel may lack. */
      readonly isOptional?: boolean;
    }
  /** An empty file gets what its parent's says: a v1 cpuset takes nobody in before. */
  | { readonly is: 'inherit'; readonly file: string; readonly from: string }
  /** v2: controllers that the children of this directory are to have. */
  | { readonly is: 'enable'; readonly dir: string; readonly controllers: readonly string[] };

export interface CgroupPlan {
  readonly steps: readonly CgroupStep[];
  /** Directories of the run itself; whoever writes `0` into `cgroup.procs` of each is in it. */
  readonly dirs: readonly string[];
}

export type Controller = 'memory' | 'cpu' | 'cpuset' | 'pids';
const CONTROLLERS: readonly Controller[] = ['memory', 'cpu', 'cpuset', 'pids'];

/** Which controllers must enforce something. */
export function controllersFor(limits: CgroupLimits): readonly Controller[] {
  const { memoryMaxBytes, memoryLowBytes, cpuShareMillis, cpuMaxMillis, cpuset, pids } = limits;
  const wanted: Readonly<Record<Controller, readonly unknown[]>> = {
    memory: [memoryMaxBytes, memoryLowBytes],
    cpu: [cpuShareMillis, cpuMaxMillis],
    cpuset: [cpuset],
    pids: [pids],
  };
  return CONTROLLERS.filter((name) => wanted[name].some((value) => value !== undefined));
}

/**
 * The plan for `path` (`/holdfast/<instance id>/<launch key>`): one hierarchy for tracking and those of the limits.
 * Limits of controllers that the layout does not have are left out: who asks must have looked (`cgroupAnswers`).
 */
export function planCgroup(layout: CgroupLayout, path: string, limits: CgroupLimits): CgroupPlan {
  const controllers = controllersFor(limits);
  const ofV1 = controllers.filter((name) => layout.v1.has(name));
  const ofV2 = controllers.filter((name) => !layout.v1.has(name));
  const tracking = trackingPoint(layout);
  const points = new Set(tracking === undefined ? [] : [tracking]);
  for (const name of ofV1) points.add(layout.v1.get(name) ?? '');
  const levels = levelsOf(path);
  const steps: CgroupStep[] = [];
  for (const point of points) {
    const isUnified = point === layout.unified;
    const enabled = isUnified ? ofV2 : [];
    if (enabled.length > 0) {
      steps.push({ is: 'enable', dir: `${point}${layout.delegated}`, controllers: enabled });
    }
    for (const level of levels.filter((one) => one.startsWith(`${layout.delegated}/`))) {
      const dir = `${point}${level}`;
      steps.push({ is: 'directory', path: dir });
      if (!isUnified && point === layout.v1.get('cpuset')) steps.push(...inheritCpuset(dir));
      if (enabled.length > 0 && level !== path) {
        steps.push({ is: 'enable', dir, controllers: enabled });
        // What is kept for a run is never more than what is kept for those above it.
        steps.push(...write(dir, 'memory.low', limits.memoryLowBytes && 'max'));
      }
    }
  }
  for (const name of ofV1) steps.push(...V1[name](`${layout.v1.get(name)}${path}`, limits));
  if (layout.unified !== undefined) {
    for (const name of ofV2) steps.push(...V2[name](`${layout.unified}${path}`, limits));
  }
  return { steps, dirs: [...points].map((point) => `${point}${path}`) };
}

/** `/a/b` → `/a`, `/a/b`. */
function levelsOf(path: string): readonly string[] {
  const parts = path.split('/').slice(1);
  return parts.map((_part, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

function inheritCpuset(dir: string): CgroupStep[] {
  const parent = dir.slice(0, dir.lastIndexOf('/'));
  return ['cpuset.cpus', 'cpuset.mems'].map((name) => ({
    is: 'inherit',
    file: `${dir}/${name}`,
    from: `${parent}/${name}`,
  }));
}

type Writes = (dir: string, limits: CgroupLimits) => CgroupStep[];

/** The kernel's own period, in microseconds. */
const PERIOD_US = 100_000;

const V1: Readonly<Record<Controller, Writes>> = {
  memory: (dir, { memoryMaxBytes, memoryLowBytes }) => [
    ...write(dir, 'memory.limit_in_bytes', memoryMaxBytes),
    // Memory and swap together: the limit is not to be dodged by swapping.
    ...write(dir, 'memory.memsw.limit_in_bytes', memoryMaxBytes, true),
    ...write(dir, 'memory.soft_limit_in_bytes', memoryLowBytes),
  ],
  cpu: (dir, { cpuShareMillis, cpuMaxMillis }) => [
    ...write(dir, 'cpu.shares', cpuShareMillis && cpuShares(cpuShareMillis)),
    ...write(dir, 'cpu.cfs_period_us', cpuMaxMillis && PERIOD_US),
    ...write(dir, 'cpu.cfs_quota_us', cpuMaxMillis && quotaUs(cpuMaxMillis)),
  ],
  cpuset: (dir, { cpuset }) => write(dir, 'cpuset.cpus', cpuset),
  pids: (dir, { pids }) => write(dir, 'pids.max', pids),
};

const V2: Readonly<Record<Controller, Writes>> = {
  memory: (dir, { memoryMaxBytes, memoryLowBytes }) => [
    ...write(dir, 'memory.max', memoryMaxBytes),
    ...write(dir, 'memory.swap.max', memoryMaxBytes && 0, true),
    ...write(dir, 'memory.low', memoryLowBytes),
  ],
  cpu: (dir, { cpuShareMillis, cpuMaxMillis }) => [
    ...write(dir, 'cpu.weight', cpuShareMillis && cpuWeight(cpuShares(cpuShareMillis))),
    ...write(dir, 'cpu.max', cpuMaxMillis && `${quotaUs(cpuMaxMillis)} ${PERIOD_US}`),
  ],
  cpuset: (dir, { cpuset }) => write(dir, 'cpuset.cpus', cpuset),
  pids: (dir, { pids }) => write(dir, 'pids.max', pids),
};

function write(
  dir: string,
  name: string,
  value: number | string | undefined,
  isOptional = false,
): CgroupStep[] {
  if (value === undefined) return [];
  return [{ is: 'write', file: `${dir}/${name}`, text: String(value), isOptional }];
}

/** v1's own bounds; one core is the kernel's default of 1,024. */
function cpuShares(millis: number): number {
  return Math.min(262_144, Math.max(2, Math.round((millis * 1024) / 1000)));
}

/** runc's conversion since 1.3.2: ends and defaults of both scales fall together (2→1, 1024→100, 262144→10000). */
export function cpuWeight(shares: number): number {
  const log = Math.log2(shares);
  const exponent = (log * log + 125 * log) / 612 - 7 / 34;
  return Math.min(10_000, Math.ceil(Number((10 ** exponent).toFixed(6))));
}

/** The kernel refuses less than a millisecond. */
function quotaUs(millis: number): number {
  return Math.max(1_000, Math.round((millis * PERIOD_US) / 1000));
}
