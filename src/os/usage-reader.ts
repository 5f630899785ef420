/** Reads what runs use, all of one moment together: cgroups where they have some, else `/proc`. */
import { kernelText, type ReadText } from './kernel-text.ts';
import { cgroupCpu, cgroupIo, cgroupMembers, cgroupMemory, cgroupThreads } from './usage-cgroup.ts';
import { type Marked, MarkMemory, membersOf, readTable } from './usage-members.ts';
import { type CgroupPlaces, cgroupPlaces, parseCgroupMounts } from './usage-places.ts';
import { pageSize, readProcessUse, type SeenProcess, sumIo } from './usage-process.ts';
import type { CpuUse, MemoryUse, ProcessUse, RunUse } from './usage.ts';

/** Where one run is counted, found once and remembered for as long as somebody asks. */
interface Known {
  readonly startTime: string;
  readonly places: CgroupPlaces;
}

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

  /** By key; a run that has ended meanwhile is missing. Runs that are not asked for any more are forgotten. */
  read(runs: readonly Marked[], withProcesses: boolean): ReadonlyMap<string, RunUse> {
    const known = new Map(runs.map((run) => [run.key, this.#placesOf(run)]));
    this.#known = known;
    const uncounted = runs.filter(({ key }) => known.get(key)?.places.members === undefined);
    const table = uncounted.length > 0 ? this.#tableOf(uncounted) : new Map();
    const uses = new Map<string, RunUse>();
    for (const { key } of runs) {
      const { places = {} } = known.get(key) ?? {};
      const use =
        places.members === undefined
          ? this.#uncounted(table.get(key) ?? [])
          : this.#counted(places, places.members, withProcesses);
      if (use !== undefined) uses.set(key, use);
    }
    return uses;
  }

  /** A program may not have joined its cgroups when it is looked at first: what is not there is looked for again. */
  #placesOf({ key, program }: Marked): Known {
    const known = this.#known.get(key);
    const isFound = known?.places.members !== undefined;
    if (isFound && known.startTime === program.startTime) return known;
    const membership = this.#read(`/proc/${program.pid}/cgroup`) ?? '';
    const places = cgroupPlaces(this.#mounts, membership, key);
    const { unified } = places;
    const names = unified === undefined ? '' : this.#read(`${unified}/cgroup.controllers`);
    const controllers = new Set(names?.trim().split(' '));
    return { startTime: program.startTime, places: { ...places, controllers } };
  }

  #tableOf(runs: readonly Marked[]): ReadonlyMap<string, readonly SeenProcess[]> {
    const since = Math.min(...runs.map(({ program }) => Number(program.startTime)));
    const table = readTable(since, this.#pageBytes, this.#read);
    return membersOf(runs, table, this.#marks.marksOf(table, this.#read));
  }

  /** Processes are looked at one by one only for what their cgroups do not count. */
  #counted(places: CgroupPlaces, dir: string, withProcesses: boolean): RunUse | undefined {
    const pids = cgroupMembers(dir, this.#read);
    if (pids === undefined || pids.length === 0) return undefined;
    const cpu = cgroupCpu(places, this.#read);
    const memory = cgroupMemory(places, this.#read);
    const threads = cgroupThreads(places, this.#read);
    const isWhole = cpu !== undefined && memory !== undefined && threads !== undefined;
    const look = (pid: number): readonly SeenProcess[] => {
      const seen = readProcessUse(pid, this.#pageBytes, this.#read);
      return seen === undefined ? [] : [seen];
    };
    const processes = isWhole && !withProcesses ? [] : pids.flatMap(look);
    return {
      cpu: cpu ?? sumCpu(processes),
      memory: memory ?? sumMemory(processes),
      io: cgroupIo(places, this.#read) ?? sumIo(pids, this.#read),
      processCount: pids.length,
      threadCount: threads ?? sum(processes, (one) => one.threads),
      processes,
    };
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
