/**
 * The logmon host is killed again and again under tasks that print; another one goes on where it was. Nothing is lost,
 * repeated or torn, and the files end at ends of lines.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { OutputStream } from '../../src/output/segments.ts';
import { messageOf } from '../../src/errors.ts';
import { type Machine, pidsOf, until } from '../acceptance/rig.ts';
import { inTurns } from '../executor/in-turns.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import { ONE_LOST_BYTE } from './exact.ts';
import { segmentsIn } from './files.ts';
import { HostKiller, QUICK_KILLS } from './host-killer.ts';
import { numberedTask } from './numbered-text.ts';
import { faultInNumbered, STREAMS, withMachine, withMutant, writtenBy } from './room.ts';

const MIB = 2 ** 20;
const LIMIT_BYTES = MIB;
const LOGS = { maxFiles: 1_000, maxFileSizeMb: 1 };
/** The kills of a full run are shared by so many agents, each with a host of its own. */
const MACHINES = 4;

export const hostKills: Drill = {
  name: 'host kills',
  promise: 'a logmon host that is killed while tasks print loses, repeats and tears nothing',
  tools: [],
  privileges: [],
  mutants: [ONE_LOST_BYTE],
  cases: { share: 8, full: 500 },
  async run(findings, cases) {
    const machines = cases > QUICK_KILLS ? MACHINES : 1;
    await inTurns(machines, machines, async (index) => {
      const kills = Math.floor((cases + index) / machines);
      await findings.attempt(`machine ${index}`, async () => {
        const bytes = await withMachine((machine) => killedOften(findings, machine, kills));
        findings.count('kills', kills);
        findings.count('MiB', Math.round(bytes / MIB));
      });
    });
    await withMutant(ONE_LOST_BYTE, async (command) => {
      const work = (machine: Machine): Promise<number> => killedOften(findings, machine, 1);
      const text = await withMachine(work, command).then(() => 'nothing was noticed', messageOf);
      findings.control('one byte in a wrong place', /begins/.test(text), text);
    });
  },
};

/** How many bytes the tasks have printed. Throws for the first that is not as it should be. */
async function killedOften(findings: Findings, machine: Machine, kills: number): Promise<number> {
  const agent = await machine.startAgent();
  const stop = join(machine.dataDir, 'stop');
  const tasks = [
    numberedTask('steady', stop, { blockBytes: 4_096, blast: 1, pauseS: 0.004 }, LOGS),
    numberedTask('blasts', stop, { blockBytes: 5_000, blast: 200, pauseS: 1 }, LOGS),
    numberedTask('single', stop, { blockBytes: 97, blast: 1, pauseS: 0.001 }, LOGS),
  ];
  const { allocId } = await agent.run({ name: 'kills', type: 'batch', tasks });
  await until('they run', () => pidsOf(agent, allocId));
  const killer = new HostKiller(machine);
  for (let kill = 0; kill < kills; kill += 1) {
    await killer.ready();
    // Young ones too, which are just being told what to collect.
    await delay(findings.between(0, 150));
    killer.kill();
  }
  writeFileSync(stop, '');
  let bytes = 0;
  const { tasks: ended } = await (await agent.alloc(allocId)).wait();
  for (const { task, state, run } of ended) {
    if (state !== 'complete' || run !== 1) throw new Error(`${task} is ${state}, run ${run}`);
    const written = await writtenBy(stop, task);
    bytes += written.stdout + written.stderr;
    const fault = await faultInNumbered(agent, `${allocId}/${task}`, written);
    if (fault !== undefined) throw new Error(fault);
    for (const stream of STREAMS) {
      const dir = join(machine.dataDir, 'state', 'logs', allocId);
      const cut = faultInSegments(dir, task, stream);
      if (cut !== undefined) throw new Error(cut);
    }
  }
  return bytes;
}

/** Every segment ends at the end of a line and is no longer than its limit. */
function faultInSegments(dir: string, task: string, stream: OutputStream): string | undefined {
  for (const { number, bytes } of segmentsIn(dir, task, stream)) {
    const name = `${task}.${stream}.${number}`;
    if (bytes.length > LIMIT_BYTES) return `${name} has ${bytes.length} bytes`;
    if (bytes.length > 0 && bytes.at(-1) !== 10) return `${name} ends in the middle of a line`;
  }
  return undefined;
}
