/**
 * A disk that is really full: the data directory is a small file system of its own, filled to the last byte while tasks
 * run, talk and end. And one that turns read-only under an agent, as ext4 does after an error of the device.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator, PublicEvent } from '../../src/api.ts';
import { connectOrchestrator } from '../../src/client/connect-orchestrator.ts';
import { HoldfastError, messageOf } from '../../src/errors.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { COUNTING, faultInCount, type Machine, pidsOf, until } from '../acceptance/rig.ts';
import type { Drill, Findings } from './drill.ts';
import type { Patch } from '../patch.ts';
import { copyPackage } from './patched-copy.ts';
import { isRunning } from './processes.ts';
import { Filler, withDisk } from './small-disk.ts';

const FLOORLESS: readonly Patch[] = [
  {
    file: 'src/actors/start-gate.ts',
    find: '    this.#holds.add(reason);',
    replace: `    if (reason !== 'disk-low') this.#holds.add(reason);`,
  },
];

export const fullDisks: Drill = {
  name: 'full disks',
  promise: 'a full or read-only disk holds starts up, hurts nothing that runs, and heals by itself',
  tools: ['mkfs.ext4', 'mount'],
  privileges: ['loop device'],
  mutants: [FLOORLESS],
  cases: { share: 3, full: 12 },
  async run(findings, cases) {
    for (let number = 0; number < cases; number += 1) {
      const kind = KINDS[number % KINDS.length] ?? 'filled once';
      await findings.attempt(`${kind} ${number}`, () =>
        withDisk((machine) =>
          kind === 'read-only'
            ? readOnly(findings, machine)
            : full(findings, machine, kind === 'kept full'),
        ),
      );
    }
    await control(findings);
  },
};

/** What keeps a disk full takes every byte that is given up, too. */
const KINDS = ['filled once', 'kept full', 'read-only'] as const;

/** Less than the floor, and room for anything that is started all the same. */
const LOW_BYTES = 32 * 2 ** 20;

/** Ends when a file appears that is not on the disk, with a code of its own. */
const LATE_CODE = 7;
function lateProgram(sign: string): { command: string; args: string[] } {
  return {
    command: '/bin/sh',
    args: ['-c', `until [ -e ${sign} ]; do sleep 0.05; done; exit ${LATE_CODE}`],
  };
}

interface Tasks {
  readonly pids: readonly number[];
  readonly allocId: string;
  readonly sign: string;
}

async function startTasks(agent: Orchestrator, machine: Machine): Promise<Tasks> {
  const sign = `${machine.dataDir}.sign`;
  const task = (name: string, config: Readonly<Record<string, unknown>>) => ({
    name,
    driver: 'raw_exec',
    config: { ...config },
  });
  const { allocId } = await agent.run({
    name: 'count',
    tasks: [task('count', COUNTING), task('more', COUNTING)],
  });
  const late = { name: 'late', type: 'batch', restart: { attempts: 0 } } as const;
  await agent.run({ ...late, tasks: [task('late', lateProgram(sign))] });
  const pids = await until('they run', () => pidsOf(agent, allocId));
  await until('late runs', () => pidsOf(agent, 'late'));
  return { pids, allocId, sign };
}

async function full(findings: Findings, machine: Machine, isGreedy: boolean): Promise<void> {
  let agent = await machine.startAgent();
  const { pids, allocId, sign } = await startTasks(agent, machine);
  const disk = new Filler(machine.dataDir);
  try {
    await disk.fill(LOW_BYTES);
    await expectHeldUp(machine);
    await disk.fill();
    const keeping = isGreedy ? disk.keepFull() : undefined;
    await until('a start is refused', () => isRefused(machine, isGreedy));
    findings.count('starts refused');
    writeFileSync(sign, '');
    if (!isGreedy) {
      await until('the end is recorded on the full disk', async () =>
        (await eventsOf(machine, 'late')).some(({ type }) => type === 'TaskExited'),
      );
    } else await delay(findings.between(500, 4_000));
    expectAlive(pids);
    disk.free();
    await keeping;
    agent = await machine.connect();
    await until('starts go on by themselves', () => runsAgain(machine));
    findings.count('healed');
    await checkAfter(machine, allocId, pids);
    const types = new Set((await eventsOf(machine)).map(({ type }) => type));
    for (const type of ['DiskLow', 'DiskHealed']) {
      if (!isGreedy && !types.has(type)) throw new Error(`no ${type} was recorded`);
    }
  } finally {
    disk.free();
    rmSync(sign, { force: true });
  }
}

async function checkAfter(
  machine: Machine,
  allocId: string,
  pids: readonly number[],
): Promise<void> {
  const agent = await machine.connect();
  const [exited] = (await eventsOf(machine, 'late')).filter(({ type }) => /Exited|Lost/.test(type));
  const { exitCode } = (exited?.data ?? {}) as { exitCode?: number };
  if (exitCode !== LATE_CODE) throw new Error(`late ended with ${JSON.stringify(exited)}`);
  expectAlive(pids);
  const now = await pidsOf(agent, allocId);
  if (JSON.stringify(now) !== JSON.stringify(pids))
    throw new Error(`${String(now)}, was ${pids.join()}`);
  await agent.stop('count', patience());
  for (const task of ['count', 'more']) {
    const fault = faultInCount(machine.outputOf(allocId, task));
    if (fault !== undefined) throw new Error(`output of ${task}: ${fault}`);
  }
}

function expectAlive(pids: readonly number[]): void {
  for (const pid of pids) if (!isRunning(pid)) throw new Error(`the task with pid ${pid} was hurt`);
}

let runs = 0;

/** For calls that wait: a hang shall be a failure that says where. */
function patience(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(60_000) };
}

/** With room for a start it is the floor alone that refuses one. */
async function expectHeldUp(machine: Machine): Promise<void> {
  await until('it is recorded that the disk is low', async () =>
    (await eventsOf(machine)).some(({ type }) => type === 'DiskLow'),
  );
  if (!(await isRefused(machine, false)))
    throw new Error('a start was taken on a disk that is low');
}

/**
 * Asks for a new alloc: true when it is refused for want of room. An agent that opens anew answers a moment later, and
 * while nothing at all can be written it never does: to be `mayBeMute` counts as a refusal then.
 */
async function isRefused(machine: Machine, mayBeMute: boolean): Promise<boolean> {
  try {
    runs += 1;
    const current = await connectOrchestrator({ dataDir: machine.dataDir });
    await current.run(quick(`refused-${runs}`), patience());
    return false;
  } catch (error) {
    if (HoldfastError.is(error, 'RESOURCES_EXHAUSTED')) return true;
    if (HoldfastError.is(error) && error.retryable) return mayBeMute;
    throw error;
  }
}

async function runsAgain(machine: Machine): Promise<boolean> {
  try {
    runs += 1;
    const agent = await machine.connect();
    const view = await (await agent.run(quick(`again-${runs}`))).wait(patience());
    return view.state === 'complete';
  } catch (error) {
    if (HoldfastError.is(error) && (error.retryable || error.code === 'CLOSED')) return false;
    throw error;
  }
}

function quick(name: string): GroupSpecInput {
  const config = { command: '/bin/true' };
  return { name, type: 'batch', tasks: [{ name: 'one', driver: 'raw_exec', config }] };
}

async function eventsOf(machine: Machine, ref?: string): Promise<readonly PublicEvent[]> {
  const found: PublicEvent[] = [];
  try {
    const agent = await machine.connect();
    const query = ref === undefined ? {} : { ref };
    for await (const event of agent.events({ until: 'head', ...query })) found.push(event);
    await agent[Symbol.asyncDispose]();
  } catch (error) {
    if (!HoldfastError.is(error)) throw error;
  }
  return found;
}

/** The device fails once: the file system stays read-only until the machine is started anew. */
async function readOnly(findings: Findings, machine: Machine): Promise<void> {
  const agent = await machine.startAgent();
  const { pids, sign } = await startTasks(agent, machine);
  const device = execFileSync('findmnt', ['-no', 'SOURCE', machine.dataDir], { encoding: 'utf8' });
  writeFileSync(`/sys/fs/ext4/${device.trim().replace('/dev/', '')}/trigger_fs_error`, '1');
  await until('a start is refused', async () => {
    try {
      await agent.run(quick('refused'));
      return false;
    } catch (error) {
      return HoldfastError.is(error) && error.retryable;
    }
  });
  const tries = () => machine.output.split('opening again').length - 1;
  await until('the agent tries and tries', () => tries() >= 2);
  if (!isRunning(machine.agentPid)) throw new Error(`the agent ended: ${machine.output}`);
  expectAlive(pids);
  findings.count('read-only');
  rmSync(sign, { force: true });
}

/** The same with an agent that sees how low its disk is and takes starts all the same. */
async function control(findings: Findings): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'hf-floorless-'));
  copyPackage(home, FLOORLESS);
  let text = 'nothing was noticed';
  try {
    await withDisk(
      async (machine) => {
        await machine.startAgent();
        await new Filler(machine.dataDir).fill(LOW_BYTES);
        await expectHeldUp(machine);
      },
      join(home, 'bin/holdfast'),
    );
  } catch (error) {
    text = messageOf(error);
  }
  rmSync(home, { recursive: true });
  findings.control('a floor that holds nothing up', /was taken on a disk/.test(text), text);
}
