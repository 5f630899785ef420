/** The logmon host is killed while it keeps a budget: what went is still told to the byte, once, and the budget holds. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator } from '../../src/api.ts';
import { messageOf } from '../../src/errors.ts';
import { type Machine, pidsOf, until } from '../acceptance/rig.ts';
import { type Drill, Findings } from '../faults/drill.ts';
import type { Patch } from '../patch.ts';
import { bytesBelow } from './files.ts';
import { HostKiller } from './host-killer.ts';
import { NumberedCheck, numberedTask } from './numbered-text.ts';
import { STREAMS, withMachine, withMutant, writtenBy } from './room.ts';

const MIB = 2 ** 20;
const BUDGET_MIB = 8;
const TASKS = [3, 6, 9, 12];
const FIRST_BYTES = 'stdout:0:0,stderr:0:0';

/** What goes is told to nobody who reads. */
const SILENT: readonly Patch[] = [
  {
    file: 'src/processes/logmon-host/log-budget.ts',
    find: 'if (bytesOnDisk(own.series, number) > 0) this.#record',
    replace: 'if (number % 4 > 0) this.#record',
  },
];

export const budgetKills: Drill = {
  name: 'budget kills',
  promise: 'what goes for the budget is told to the byte, also by hosts that are killed',
  tools: [],
  privileges: [],
  mutants: [SILENT],
  cases: { share: 3, full: 28 },
  async run(findings, cases) {
    await findings.attempt('kills', () =>
      withMachine((machine) => killedKeeping(findings, machine, cases)),
    );
    await withMutant(SILENT, async (command) => {
      const work = (machine: Machine): Promise<void> =>
        killedKeeping(new Findings(findings.seed), machine, 1);
      const text = await withMachine(work, command).then(() => 'nothing was noticed', messageOf);
      findings.control('a removal that is not told', /begins|gap/.test(text), text);
    });
  },
};

async function killedKeeping(findings: Findings, machine: Machine, kills: number): Promise<void> {
  const agent = await machine.startAgent('--log-budget', `${BUDGET_MIB}MiB`);
  const stop = join(machine.dataDir, 'stop');
  const tasks = TASKS.map((blast, index) => {
    const logs = { maxFiles: 1_000, maxFileSizeMb: 1, compress: index % 2 === 0 };
    return numberedTask(`t${blast}`, stop, { blockBytes: 4_096, blast, pauseS: 0.01 }, logs);
  });
  const { allocId } = await agent.run({ name: 'kept', type: 'batch', tasks });
  await until('they run', () => pidsOf(agent, allocId));
  const dir = join(machine.dataDir, 'state', 'logs');
  const killer = new HostKiller(machine);
  let mostBytes = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    await killer.ready();
    await delay(findings.between(0, 1_500));
    killer.kill();
    mostBytes = Math.max(mostBytes, bytesBelow(dir));
  }
  await until('something went', async () => (await goneOf(agent, allocId, `t${TASKS.at(-1)}`)) > 0);
  writeFileSync(stop, '');
  await (await agent.alloc(allocId)).wait();
  findings.count('kills', kills);
  findings.count('MiB of budget', BUDGET_MIB);
  findings.count('MiB at most after a kill', Math.round(mostBytes / MIB));
  // One file of each stream, and one that is just compressed.
  if (mostBytes > (BUDGET_MIB + TASKS.length + 1) * MIB)
    throw new Error(`all files had ${mostBytes} bytes together`);
  for (const { name } of tasks) {
    const checks = await checksOf(agent, `${allocId}/${name}`);
    const written = await writtenBy(stop, name);
    for (const stream of STREAMS) {
      const fault = checks[stream].verdict(written[stream]);
      if (fault !== undefined) throw new Error(`${stream} of ${name}: ${fault}`);
    }
    findings.count('MiB removed and told', Math.round(checks.stdout.skippedBytes / MIB));
  }
}

async function goneOf(agent: Orchestrator, allocId: string, task: string): Promise<number> {
  const { stdout } = await checksOf(agent, `${allocId}/${task}`);
  return stdout.skippedBytes;
}

/** All that is there, and all that is told to be gone, from the first byte on. */
async function checksOf(
  agent: Orchestrator,
  ref: string,
): Promise<Record<(typeof STREAMS)[number], NumberedCheck>> {
  const checks = { stdout: new NumberedCheck(), stderr: new NumberedCheck() };
  for await (const { stream, data, gap } of agent.logs(ref, { after: FIRST_BYTES })) {
    if (gap === undefined) checks[stream].push(data);
    else if (gap.reason === 'budget' && gap.bytes !== null) checks[stream].skip(gap.bytes);
    else throw new Error(`${stream} of ${ref} has the gap ${JSON.stringify(gap)}`);
  }
  return checks;
}
