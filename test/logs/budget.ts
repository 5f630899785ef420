/**
 * Tasks that print at full speed share a budget: all files together stay within it, what went is told to the byte by
 * gaps and events, and no file goes that still grows.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator } from '../../src/api.ts';
import { eventsSoFar, until } from '../acceptance/rig.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import type { Patch } from '../patch.ts';
import { bytesBelow, segmentsIn } from './files.ts';
import { NumberedText } from './numbered-text.ts';
import { MIB, printing, withRig } from './printing.ts';
import { withDir, withMachine, withMutant } from './room.ts';

const TASKS = 100;
/** As `printing` has it. */
const FILE_BYTES = MIB;
/** Little more than the files that grow: what is full is removed soon. */
const BUDGET_BYTES = 120 * MIB;

const AGAIN_AND_AGAIN = 'for i in $(seq "$1"); do cat "$0"; done';
const TEXT = new NumberedText().take(MIB);

const SPENDTHRIFT: readonly Patch[] = [
  {
    file: 'src/processes/logmon-host/log-budget.ts',
    find: 'if (totalBytes <= this.#budgetBytes) return;',
    replace: 'return;',
  },
];

/** The cursor of who has read nothing yet: what went since is told. */
const FIRST_BYTE = 'stdout:0:0';

export const logBudget: Drill = {
  name: 'budget',
  promise: `${TASKS} tasks at full speed stay within the budget of all logs, and what went is told`,
  tools: [],
  privileges: [],
  mutants: [SPENDTHRIFT],
  // Mebibytes that each of them prints.
  cases: { share: 3, full: 64 },
  async run(findings, cases) {
    await findings.attempt('a hundred', () => withinBudget(findings, cases));
    await withMutant(SPENDTHRIFT, (command) =>
      withMachine(async (machine) => {
        const agent = await machine.startAgent('--log-budget', `${BUDGET_BYTES / MIB}MiB`);
        const { watch } = await printed({ agent, dataDir: machine.dataDir }, 3);
        const text = watch.fault ?? `all files had ${watch.mostBytes} bytes together`;
        findings.control('a collector that removes nothing', watch.fault !== undefined, text);
      }, command),
    );
  },
};

interface Agent {
  readonly agent: Orchestrator;
  readonly dataDir: string;
}

function withinBudget(findings: Findings, mib: number): Promise<void> {
  return withRig(async (agent, dataDir) => {
    const { allocId, watch } = await printed({ agent, dataDir }, mib);
    findings.count('MiB printed', TASKS * mib);
    findings.count('MiB of budget', BUDGET_BYTES / MIB);
    findings.count('MiB at most in all files', Math.round(watch.mostBytes / MIB));
    findings.count('looks', watch.looks);
    if (watch.fault !== undefined) throw new Error(watch.fault);
    const gone = await checkKept({ agent, dataDir }, allocId, mib * MIB);
    findings.count('MiB removed', Math.round(sumOf(gone) / MIB));
    await checkEvents(agent, allocId, gone);
  }, BUDGET_BYTES);
}

/** All tasks have printed so many mebibytes, and somebody has looked at the files all the time. */
function printed(
  { agent, dataDir }: Agent,
  mib: number,
): Promise<{ readonly allocId: string; readonly watch: Watch }> {
  return withDir(async (dir) => {
    const source = join(dir, 'source');
    writeFileSync(source, TEXT);
    const config = { command: '/bin/sh', args: ['-c', AGAIN_AND_AGAIN, source, String(mib)] };
    const tasks = Array.from({ length: TASKS }, (_one, index) => ({
      ...printing(`t${index}`, [], { compress: index % 2 === 0 }),
      config,
    }));
    const logsDir = logsOf(dataDir);
    mkdirSync(logsDir, { recursive: true });
    const watch = new Watch(logsDir);
    try {
      const alloc = await agent.run({ name: 'budget', type: 'batch', tasks });
      await alloc.wait();
      return { allocId: alloc.allocId, watch };
    } finally {
      await watch.leave();
    }
  });
}

function logsOf(dataDir: string): string {
  return join(dataDir, 'state', 'logs');
}

/** Looks at all files again and again, as fast as it can without keeping anybody waiting. */
class Watch {
  mostBytes = 0;
  looks = 0;
  /** Too much of everything, or a stream whose newest file went away. */
  fault: string | undefined;
  readonly #logsDir: string;
  readonly #newest = new Map<string, number>();
  #isOver = false;
  readonly #looking: Promise<void>;

  constructor(logsDir: string) {
    this.#logsDir = logsDir;
    this.#looking = this.#look();
  }

  async leave(): Promise<void> {
    this.#isOver = true;
    await this.#looking;
  }

  async #look(): Promise<void> {
    while (!this.#isOver) {
      this.mostBytes = Math.max(this.mostBytes, bytesBelow(this.#logsDir));
      if (this.mostBytes > BUDGET_BYTES + TASKS * FILE_BYTES)
        this.fault ??= `all files had ${this.mostBytes} bytes together`;
      for (const allocId of readdirSync(this.#logsDir)) this.#lookAtNewest(allocId);
      this.looks += 1;
      await delay(20);
    }
  }

  #lookAtNewest(allocId: string): void {
    const now = new Map<string, number>();
    for (const name of readdirSync(join(this.#logsDir, allocId))) {
      const [, stream = '', digits] = /^(.*\.std(?:out|err))\.(\d+)$/.exec(name) ?? [];
      if (digits !== undefined) now.set(stream, Math.max(now.get(stream) ?? 0, Number(digits)));
    }
    for (const [stream, newest] of this.#newest) {
      if ((now.get(stream) ?? -1) < newest) this.fault ??= `${stream}.${newest} went away`;
    }
    for (const [stream, newest] of now) this.#newest.set(stream, newest);
  }
}

/** What is kept of each task is the end of what it printed, what is told to be gone is the rest; gives that by task. */
async function checkKept(
  { agent, dataDir }: Agent,
  allocId: string,
  writtenBytes: number,
): Promise<ReadonlyMap<string, number>> {
  const goneOf = new Map<string, number>();
  for (let index = 0; index < TASKS; index += 1) {
    const task = `t${index}`;
    const segments = segmentsIn(join(logsOf(dataDir), allocId), task, 'stdout');
    const kept = Buffer.concat(segments.map(({ bytes }) => bytes));
    const gone = writtenBytes - kept.length;
    goneOf.set(task, gone);
    if (!kept.equals(piece(TEXT, gone, writtenBytes)))
      throw new Error(`what is kept of ${task} is not the end of what it printed`);
    let told = 0;
    let read = 0;
    const query = { stream: 'stdout', after: FIRST_BYTE } as const;
    for await (const { data, gap } of agent.logs(`${allocId}/${task}`, query)) {
      read += data.length;
      if (gap?.reason === 'budget') told += gap.bytes ?? Number.NaN;
      else if (gap !== undefined) throw new Error(`${task} has the gap ${JSON.stringify(gap)}`);
    }
    if (read !== kept.length || told !== gone)
      throw new Error(`${task}: ${read} bytes read of ${kept.length}, ${told} of ${gone} told`);
  }
  if (sumOf(goneOf) === 0) throw new Error('nothing went, so nothing was shown');
  return goneOf;
}

/** So many bytes of each task are in the events, no more and no fewer. */
async function checkEvents(
  agent: Orchestrator,
  allocId: string,
  gone: ReadonlyMap<string, number>,
): Promise<void> {
  const told = await until('all that went is in events', async () => {
    const bytes = new Map<string, number>();
    for (const { data } of await eventsSoFar(agent, { types: ['LogPurged'] })) {
      const purge = data as { allocId: string; task: string; stream: string; bytes: number };
      if (purge.allocId !== allocId || purge.stream !== 'stdout')
        throw new Error(`a purge of ${purge.allocId}, ${purge.stream}`);
      bytes.set(purge.task, (bytes.get(purge.task) ?? 0) + purge.bytes);
    }
    return sumOf(bytes) >= sumOf(gone) && bytes;
  });
  for (const [task, bytes] of gone) {
    const inEvents = told.get(task) ?? 0;
    if (inEvents !== bytes) throw new Error(`${task}: ${inEvents} of ${bytes} bytes in events`);
  }
}

function sumOf(bytes: ReadonlyMap<string, number>): number {
  return [...bytes.values()].reduce((sum, one) => sum + one, 0);
}

/** Of a text that is repeated without end. */
function piece(text: Buffer, from: number, to: number): Buffer {
  const first = Math.floor(from / text.length);
  const last = Math.ceil(to / text.length);
  const all = Buffer.concat(Array.from({ length: last - first }, () => text));
  return all.subarray(from - first * text.length, to - first * text.length);
}
