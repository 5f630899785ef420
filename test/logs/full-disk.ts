/**
 * A disk that is full to the last byte for a while: a task whose policy is to block waits and loses nothing, one whose
 * policy is to drop goes on and what it lost is told to the byte. Nobody dies, nobody grows, and it heals by itself.
 */
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator } from '../../src/api.ts';
import { messageOf } from '../../src/errors.ts';
import type { Patch } from '../patch.ts';
import { ownProcesses, pssOf } from '../../bench/memory.ts';
import { isRunning, type Machine, pidsOf, until } from '../acceptance/rig.ts';
import { type Drill, Findings } from '../faults/drill.ts';
import { Filler, withDisk } from '../faults/small-disk.ts';
import { NumberedCheck, numberedTask } from './numbered-text.ts';
import { faultInNumbered, withMutant, writtenBy } from './room.ts';

const MIB = 2 ** 20;
const LOGS = { maxFiles: 1_000, maxFileSizeMb: 1 };
/** What the memory of one process may grow by while the disk is full, in KiB: much less than is printed meanwhile. */
const FLAT_KB = { host: 16 * 1_024, agent: 64 * 1_024 };

/** Of everything that is thrown away at once a byte is not counted. */
const MISCOUNT: readonly Patch[] = [
  {
    file: 'src/processes/logmon-host/drop-account.ts',
    find: 'bytes: before.bytes + bytes, until',
    replace: 'bytes: before.bytes + bytes - 1, until',
  },
];

export const fullLogDisk: Drill = {
  name: 'full disk',
  promise:
    'while the disk is full tasks wait or lose what is told, nobody dies or grows, and it heals',
  tools: ['mkfs.ext4', 'mount'],
  privileges: ['loop device'],
  mutants: [MISCOUNT],
  // Seconds.
  cases: { share: 5, full: 60 },
  async run(findings, cases) {
    await findings.attempt('full', () => filledDisk(findings, cases * 1_000));
    await withMutant(MISCOUNT, async (command) => {
      const others = new Findings(findings.seed);
      const text = await filledDisk(others, 1_000, command).then(() => 'nothing', messageOf);
      findings.control('a byte that is not counted', /begins|missing/.test(text), text);
    });
  },
};

async function filledDisk(findings: Findings, fullMs: number, command?: string): Promise<void> {
  await withDisk(async (machine) => {
    const stop = `${machine.dataDir}.stop`;
    try {
      await filled(findings, machine, stop, fullMs);
    } finally {
      for (const path of globSync(`${stop}*`)) rmSync(path);
    }
  }, command);
}

async function filled(
  findings: Findings,
  machine: Machine,
  stop: string,
  fullMs: number,
): Promise<void> {
  // A tenth of this small disk is less than is printed.
  const agent = await machine.startAgent('--log-budget', '0');
  const { allocId, waiting, losing } = await startTasks(agent, stop);
  const hosts = [...ownProcesses(machine.dataDir)].filter((pid) => pid !== machine.agentPid);
  const before = memoryOf([machine.agentPid, ...hosts]);
  const disk = new Filler(machine.dataDir);
  const keeping = disk.keepFull();
  try {
    await until('the one that waits is full', () => isQuiet(waiting));
    const began = [waiting, losing].map(writtenSoFar);
    const growth: Growth = { host: 0, agent: 0 };
    for (let slice = 0; slice < 10; slice += 1) {
      await delay(fullMs / 10);
      noteGrowth(before, growth);
    }
    const [waited = 0, lost = 0] = [waiting, losing].map(
      (pid, index) => writtenSoFar(pid) - (began[index] ?? 0),
    );
    findings.count('seconds without room', fullMs / 1_000);
    findings.count('KiB taken of the one that waits', Math.round(waited / 1_024));
    findings.count('KiB taken of the one that loses', Math.round(lost / 1_024));
    findings.count('KiB that a host grew', growth.host);
    findings.count('KiB that the agent grew', growth.agent);
    if (lost < MIB) throw new Error(`the one that may lose was stopped: ${lost} bytes`);
    if (waited > lost / 4) throw new Error(`the one that waits went on: ${waited} bytes`);
    if (growth.host > FLAT_KB.host || growth.agent > FLAT_KB.agent)
      throw new Error(`memory is not flat: ${JSON.stringify(growth)}`);
  } finally {
    disk.free();
    await keeping;
  }
  const healed = writtenSoFar(waiting);
  await until('the one that waits goes on', () => writtenSoFar(waiting) > healed + MIB);
  findings.count('KiB in all processes before', sumOf(before));
  findings.count('KiB in all processes afterwards', sumOf(memoryOf([...before.keys()])));
  for (const pid of [machine.agentPid, ...hosts]) {
    if (!isRunning(pid)) throw new Error(`process ${pid} died: ${machine.output}`);
  }
  writeFileSync(stop, '');
  await checkOutput(findings, await machine.connect(), allocId, stop);
}

interface Tasks {
  readonly allocId: string;
  readonly waiting: number;
  readonly losing: number;
}

async function startTasks(agent: Orchestrator, stop: string): Promise<Tasks> {
  const slow = { blockBytes: 4_096, blast: 2, pauseS: 0.01 };
  const fast = { blockBytes: 4_096, blast: 8, pauseS: 0.01 };
  const tasks = [
    numberedTask('waiting', stop, slow, LOGS),
    numberedTask('losing', stop, fast, { ...LOGS, whenFull: 'drop' }),
  ];
  const { allocId } = await agent.run({ name: 'disk', type: 'batch', tasks });
  const pids = await until('they run', () => pidsOf(agent, allocId));
  const [waiting = 0, losing = 0] = pids;
  await until('they print', () => pids.every((pid) => writtenSoFar(pid) > MIB / 2));
  return { allocId, waiting, losing };
}

/** Bytes that a program wrote, as the kernel counts them. */
function writtenSoFar(pid: number): number {
  return Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1]);
}

async function isQuiet(pid: number): Promise<boolean> {
  const before = writtenSoFar(pid);
  await delay(500);
  return writtenSoFar(pid) === before;
}

interface Growth {
  host: number;
  agent: number;
}

/** KiB of each process, by its pid. */
function memoryOf(pids: readonly number[]): ReadonlyMap<number, number> {
  return new Map(pids.map((pid) => [pid, pssOf(pid)]));
}

function sumOf(memory: ReadonlyMap<number, number>): number {
  return [...memory.values()].reduce((sum, kb) => sum + kb, 0);
}

/** Notes the largest growth seen of the first of the processes, which is the agent, and of the others. */
function noteGrowth(before: ReadonlyMap<number, number>, growth: Growth): void {
  for (const [index, [pid, kb]] of [...before].entries()) {
    const kind = index === 0 ? 'agent' : 'host';
    growth[kind] = Math.max(growth[kind], pssOf(pid) - kb);
  }
}

/** The end is awaited by an agent that came through it: its log could not be written either. */
async function checkOutput(
  findings: Findings,
  agent: Orchestrator,
  allocId: string,
  stop: string,
): Promise<void> {
  const written = {
    waiting: await writtenBy(stop, 'waiting'),
    losing: await writtenBy(stop, 'losing'),
  };
  const { tasks } = await (await agent.alloc(allocId)).wait();
  for (const { task, state, run } of tasks) {
    if (state !== 'complete' || run !== 1) throw new Error(`${task} is ${state}, run ${run}`);
  }
  const fault = await faultInNumbered(agent, `${allocId}/waiting`, written.waiting);
  if (fault !== undefined) throw new Error(fault);
  const checks = { stdout: new NumberedCheck(), stderr: new NumberedCheck() };
  for await (const { stream, data, gap } of agent.logs(`${allocId}/losing`)) {
    if (gap === undefined) checks[stream].push(data);
    else if (gap.reason === 'disk-full' && gap.bytes !== null) checks[stream].skip(gap.bytes);
    else throw new Error(`${stream} has the gap ${JSON.stringify(gap)}`);
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    const wrong = checks[stream].verdict(written.losing[stream]);
    if (wrong !== undefined) throw new Error(`${stream} of the one that loses: ${wrong}`);
    findings.count(`bytes of ${stream} told to be lost`, checks[stream].skippedBytes);
  }
  if (checks.stdout.skippedBytes === 0) throw new Error('nothing was lost, so nothing was shown');
}
