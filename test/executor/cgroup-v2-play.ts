/**
 * Run as the only program of a small machine whose controllers are all in cgroup v2: makes, fills, measures, ends and
 * removes cgroups of runs, and prints what was seen as one line of JSON behind a word.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { cgroupAnswers } from '../../src/os/cgroup-answers.ts';
import { killCgroup, killWay } from '../../src/os/cgroup-kill.ts';
import { cgroupOfRun, machineCgroups } from '../../src/os/cgroup-layout.ts';
import { oomKills } from '../../src/os/cgroup-oom.ts';
import { type CgroupLimits, planCgroup } from '../../src/os/cgroup-plan.ts';
import { isCgroupEmpty, makeCgroup, removeCgroup, trackingDir } from '../../src/os/cgroup-tree.ts';
import { readProcessUse } from '../../src/os/usage-process.ts';
import { UsageReader } from '../../src/os/usage-reader.ts';
import type { RunUse } from '../../src/os/usage.ts';

const MEBIBYTE = 1024 * 1024;
const layout = machineCgroups();
const reader = new UsageReader();
let runs = 0;

/** A run of `sh -c script` in a cgroup of its own, joined as the shim's child joins it. */
class Run {
  readonly key = `abcdefghij23456723${String.fromCharCode(97 + runs++)}a`;
  readonly path = cgroupOfRun(layout.parent, 'i1', this.key);
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: string | null }>;

  constructor(limits: CgroupLimits, script: string) {
    const plan = planCgroup(layout, this.path, limits);
    makeCgroup(plan);
    const joins = plan.dirs.map((dir) => `echo 0 > ${dir}/cgroup.procs`).join('\n');
    this.child = spawn('/bin/sh', ['-c', `${joins}\n${script}`], { stdio: 'ignore' });
    this.ended = new Promise((resolve) =>
      this.child.once('exit', (code, signal) => resolve({ code, signal })),
    );
  }

  get dir(): string {
    return trackingDir(layout, this.path) ?? '';
  }

  file(name: string): string {
    return readFileSync(`${this.dir}/${name}`, 'utf8').trim();
  }

  use(withProcesses = false): RunUse | undefined {
    const pid = this.child.pid ?? 0;
    const startTime = readProcessUse(pid, 4_096)?.startTime ?? '';
    const run = { key: this.key, mark: `i1:${this.key}`, program: { pid, startTime } };
    return reader.read([run], withProcesses, performance.now()).get(this.key);
  }

  /** Everything of it dead, and nothing of it left. */
  async end(): Promise<boolean> {
    killCgroup(layout, this.path);
    for (let tries = 0; tries < 100 && !isCgroupEmpty(this.dir); tries += 1) await delay(50);
    await this.ended;
    return removeCgroup(layout, this.path) && !existsSync(this.dir);
  }
}

async function limits(): Promise<object> {
  const wished = { memoryMaxBytes: 64 * MEBIBYTE, memoryLowBytes: 16 * MEBIBYTE, pids: 50 };
  const run = new Run(
    { ...wished, cpuShareMillis: 500, cpuMaxMillis: 300, cpuset: '0' },
    'sleep 100',
  );
  const names = ['memory.max', 'memory.low', 'pids.max', 'cpu.max', 'cpu.weight', 'cpuset.cpus'];
  const files = Object.fromEntries(names.map((name) => [name, run.file(name)]));
  return { ...files, isRemoved: await run.end() };
}

async function oom(): Promise<object> {
  const run = new Run({ memoryMaxBytes: 24 * MEBIBYTE }, 'exec tail /dev/zero');
  const { signal } = await run.ended;
  return { signal, kills: oomKills(layout, run.path), isRemoved: await run.end() };
}

async function throttled(): Promise<object> {
  const run = new Run(
    { cpuMaxMillis: 200, memoryMaxBytes: 64 * MEBIBYTE, pids: 50 },
    'x=a; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do x=$x$x; done; while :; do :; done',
  );
  let use: RunUse | undefined;
  const isEnough = (): boolean =>
    (use?.cpu.throttledPeriods ?? 0) >= 3 && (use?.memory.usageBytes ?? 0) > MEBIBYTE;
  for (let tries = 0; tries < 400 && !isEnough(); tries += 1) {
    await delay(50);
    use = run.use();
  }
  const { memory, threadCount, processCount, processes } = use ?? {};
  const facts = {
    isThrottled: (use?.cpu.throttledPeriods ?? 0) >= 3 && (use?.cpu.throttledNs ?? 0) > 0,
    timeIsWhole: use !== undefined && use.cpu.totalNs >= use.cpu.userNs,
    limitBytes: memory?.limitBytes,
    hasMemory: (memory?.usageBytes ?? 0) > MEBIBYTE && (memory?.workingSetBytes ?? -1) >= 0,
    counts: [processCount, threadCount, processes?.length],
    listed: run.use(true)?.processes.length,
  };
  return { ...facts, isRemoved: await run.end() };
}

async function crowd(): Promise<object> {
  const script =
    'trap "" TERM; for i in 1 2 3; do (setsid sleep 100 &) ; done; setsid sh -c "sleep 100 & wait" & wait';
  const run = new Run({ pids: 30 }, script);
  for (let tries = 0; tries < 100 && (run.use(true)?.processCount ?? 0) < 6; tries += 1)
    await delay(50);
  const members = run.use(true)?.processCount;
  return { members, way: killWay(layout, run.path), isRemoved: await run.end() };
}

const seen: Record<string, unknown> = { mode: layout.mode, answers: cgroupAnswers(layout) };
for (const [name, look] of Object.entries({ limits, oom, throttled, crowd })) {
  seen[name] = await look().catch((error: unknown) => String(error));
}
process.stdout.write(`\nHOLDFAST-SEEN ${JSON.stringify(seen)}\n`);
