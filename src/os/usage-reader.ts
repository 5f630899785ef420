/** Reads what runs use, all of one moment together: cgroups where they have some, else `/proc`. */
import { parseCgroupMounts } from './cgroup-layout.ts';
import { kernelText, type ReadText } from './kernel-text.ts';
import { cgroupCpu, cgroupIo, cgroupMembers, cgroupMemory, cgroupThreads } from './usage-cgroup.ts';
import { type Marked, MarkMemory, membersOf, readTable } from './usage-members.ts';
import { type CgroupPlaces, cgroupPlaces } from './usage-places.ts';
import { pageSize, readProcessUse, type SeenProcess, sumIo } from './usage-process.ts';
import type { CpuUse, MemoryUse, ProcessUse, RunUse } from './usage.ts';

/** What is remembered of one run for as long as somebody asks. */
interface Known {
  readonly startTime: string;
  readonly places: CgroupPlaces;
  /** How often its cgroups were looked for. */
  readonly looks: number;
  /** The newest use whose processes were looked at, when that was, and what the kernel said of its time then. */
  whole?: {
    readonly use: RunUse;
    readonly atMs: number;
    readonly timeText: string | undefined;
    readonly hasProcesses: boolean;
  };
}

/** A program joins its cgroups within milliseconds of its start: what was not there twice will not come. */
const MOST_LOOKS = 3;
/** What did not run in between has done nothing. Its memory may have been taken all the same. */
const IDLE_LOOK_MS = 10_000;

export class UsageReader {
  readonly #read: ReadText;
  readonly #pageBytes: number;
  readonly #mounts: ReturnType<typeof parseCgroupMounts>;
  readonly #marks = new MarkMemory();
  #known = new Map<string, Known>();

  constructor(read: ReadText = kernelText) {
    this.#read = read;
    this.#pageBytes = pageSize(read);
    this.#mounts = parseCgroupMounts(read('/proc/self/mountinfo') ?? '');
  }

  /**
   * By key; a run that has ended meanwhile is missing, one that did nothing is the very object of before. `nowMs` is of
   * a monotonic clock. Runs that are not asked for any more are forgotten.
   */
  read(
    runs: readonly Marked[],
    withProcesses: boolean,
    nowMs: number,
  ): ReadonlyMap<string, RunUse> {
    const known = new Map(runs.map((run) => [run.key, this.#knownOf(run)]));
    this.#known = known;
    const uncounted = runs.filter(({ key }) => known.get(key)?.places.members === undefined);
    const table = uncounted.length > 0 ? this.#tableOf(uncounted) : new Map();
    const uses = new Map<string, RunUse>();
    for (const [key, run] of known) {
      const dir = run.places.members;
      const use =
        dir === undefined
          ? this.#uncounted(table.get(key) ?? [])
          : this.#counted(run, dir, withProcesses, nowMs);
      if (use !== undefined) uses.set(key, use);
    }
    return uses;
  }

  #knownOf({ key, program }: Marked): Known {
    const known = this.#known.get(key);
    const isSame = known?.startTime === program.startTime;
    const isFinal = known?.places.members !== undefined || (known?.looks ?? 0) >= MOST_LOOKS;
    if (isSame && isFinal) return known;
    const membership = this.#read(`/proc/${program.pid}/cgroup`) ?? '';
    const places = cgroupPlaces(this.#mounts, membership, key);
    const { unified } = places;
    const names = unified === undefined ? '' : this.#read(`${unified}/cgroup.controllers`);
    const controllers = new Set(names?.trim().split(' '));
    const looks = (isSame ? known.looks : 0) + 1;
    return { startTime: program.startTime, looks, places: { ...places, controllers } };
  }

  #tableOf(runs: readonly Marked[]): ReadonlyMap<string, readonly SeenProcess[]> {
    const since = Math.min(...runs.map(({ program }) => Number(program.startTime)));
    const table = readTable(since, this.#pageBytes, this.#read);
    return membersOf(runs, table, this.#marks.marksOf(table, this.#read));
  }

  /** Undefined for a run of which nothing lives. */
  #counted(run: Known, dir: string, withProcesses: boolean, nowMs: number): RunUse | undefined {
    const { places, whole } = run;
    const timeFile = timeFileOf(places);
    const timeText = timeFile === undefined ? undefined : this.#read(timeFile);
    const memory = cgroupMemory(places, this.#read);
    const isIdle = timeText !== undefined && timeText === whole?.timeText;
    if (isIdle && nowMs - whole.atMs < IDLE_LOOK_MS && (whole.hasProcesses || !withProcesses)) {
      if (memory === undefined || isSameMemory(memory, whole.use.memory)) return whole.use;
      const use = { ...whole.use, memory };
      run.whole = { ...whole, use };
      return use;
    }
    const readOnce: ReadText = (path) => (path === timeFile ? timeText : this.#read(path));
    const cpu = cgroupCpu(places, readOnce);
    const use = this.#looked(places, dir, withProcesses, { cpu, memory });
    if (use !== undefined) run.whole = { use, atMs: nowMs, timeText, hasProcesses: withProcesses };
    return use;
  }

  /** Processes are looked at one by one only for what their cgroups do not count. */
  #looked(
    places: CgroupPlaces,
    dir: string,
    withProcesses: boolean,
    { cpu, memory }: { readonly cpu?: CpuUse | undefined; readonly memory?: MemoryUse | undefined },
  ): RunUse | undefined {
    const pids = cgroupMembers(dir, this.#read);
    if (pids === undefined || pids.length === 0) return undefined;
    const threads = cgroupThreads(places, this.#read);
    const isWhole = cpu !== undefined && memory !== undefined && threads !== undefined;
    const processes = isWhole && !withProcesses ? [] : this.#processesOf(pids);
    return {
      cpu: cpu ?? sumCpu(processes),
      memory: memory ?? sumMemory(processes),
      io: cgroupIo(places, this.#read) ?? sumIo(pids, this.#read),
      processCount: pids.length,
      threadCount: threads ?? sum(processes, (one) => one.threads),
      processes,
    };
  }

  #processesOf(pids: readonly number[]): SeenProcess[] {
    return pids.flatMap((pid) => {
      const seen = readProcessUse(pid, this.#pageBytes, this.#read);
      return seen === undefined ? [] : [seen];
    });
  }

  #uncounted(processes: readonly SeenProcess[]): RunUse | undefined {
    if (processes.length === 0) return undefined;
    const pids = processes.map(({ pid }) => pid);
    return {
      cpu: sumCpu(processes),
      memory: sumMemory(processes),
      io: sumIo(pids, this.#read),
      processCount: pids.length,
      threadCount: sum(processes, (one) => one.threads),
      processes,
    };
  }
}

/** It changes whenever something of the run has run. */
function timeFileOf({ unified, cpuacct }: CgroupPlaces): string | undefined {
  if (unified !== undefined) return `${unified}/cpu.stat`;
  return cpuacct === undefined ? undefined : `${cpuacct}/cpuacct.usage`;
}

function isSameMemory(left: MemoryUse, right: MemoryUse): boolean {
  const names = Object.keys(left) as (keyof MemoryUse)[];
  return names.every((name) => left[name] === right[name]);
}

function sum(processes: readonly ProcessUse[], of: (one: ProcessUse) => number): number {
  return processes.reduce((all, one) => all + of(one), 0);
}

function sumCpu(processes: readonly ProcessUse[]): CpuUse {
  const userNs = sum(processes, (one) => one.userNs + one.endedChildrenUserNs);
  const systemNs = sum(processes, (one) => one.systemNs + one.endedChildrenSystemNs);
  return { totalNs: userNs + systemNs, userNs, systemNs };
}

/** Pages that several of them share count several times, as in ps(1). */
function sumMemory(processes: readonly ProcessUse[]): MemoryUse {
  return { rssBytes: sum(processes, (one) => one.rssBytes) };
}
