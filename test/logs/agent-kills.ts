/**
 * The agent is killed again and again while tasks print and readers follow them. A reader goes on with the next agent
 * behind the last cursor it was given, and sees every byte once.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, messageOf } from '../../src/errors.ts';
import { type Machine, pidsOf, until } from '../acceptance/rig.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import type { Patch } from '../patch.ts';
import { NumberedCheck, numberedTask } from './numbered-text.ts';
import { STREAMS, withMachine, withMutant, writtenBy } from './room.ts';

const LOGS = { maxFiles: 1_000, maxFileSizeMb: 1 };

/** Whoever goes on begins a byte too late. */
const LATE_CURSOR: readonly Patch[] = [
  {
    file: 'src/output/cursor.ts',
    find: 'offset: Number(match[3])',
    replace: 'offset: Number(match[3]) + 1',
  },
];

export const agentKills: Drill = {
  name: 'agent kills',
  promise: 'who follows an output over agents that are killed sees every byte once',
  tools: [],
  privileges: [],
  mutants: [LATE_CURSOR],
  cases: { share: 4, full: 200 },
  async run(findings, cases) {
    await findings.attempt('kills', async () => {
      const seen = await withMachine((machine) => followed(findings, machine, cases));
      findings.count('kills', cases);
      findings.count('connections of readers', seen.connections);
      findings.count('bytes followed', seen.bytes);
    });
    await withMutant(LATE_CURSOR, async (command) => {
      const work = (machine: Machine): Promise<unknown> => followed(findings, machine, 1);
      const text = await withMachine(work, command).then(() => 'nothing was noticed', messageOf);
      findings.control('a cursor that is a byte too late', /begins/.test(text), text);
    });
  },
};

async function followed(
  findings: Findings,
  machine: Machine,
  kills: number,
): Promise<{ readonly connections: number; readonly bytes: number }> {
  let agent = await machine.startAgent();
  const stop = join(machine.dataDir, 'stop');
  const tasks = [
    numberedTask('steady', stop, { blockBytes: 3_000, blast: 1, pauseS: 0.01 }, LOGS),
    numberedTask('blasts', stop, { blockBytes: 5_000, blast: 150, pauseS: 1 }, LOGS),
  ];
  const { allocId } = await agent.run({ name: 'kills', type: 'batch', tasks });
  await until('they run', () => pidsOf(agent, allocId));
  const readers = tasks.map(({ name }) => new LoyalReader(machine, `${allocId}/${name}`));
  for (let kill = 0; kill < kills; kill += 1) {
    await delay(findings.between(0, 400));
    await machine.killAgent();
    agent = await machine.startAgent();
  }
  writeFileSync(stop, '');
  await Promise.all(readers.map((reader) => reader.ended));
  let bytes = 0;
  for (const [index, { name }] of tasks.entries()) {
    const written = await writtenBy(stop, name);
    bytes += written.stdout + written.stderr;
    for (const stream of STREAMS) {
      const fault = readers[index]?.checks[stream].verdict(written[stream]);
      if (fault !== undefined) throw new Error(`${stream} of ${name}: ${fault}`);
    }
  }
  return { connections: readers.reduce((sum, one) => sum + one.connections, 0), bytes };
}

/** Follows both streams of a task to its end, over any number of agents. */
class LoyalReader {
  readonly checks = { stdout: new NumberedCheck(), stderr: new NumberedCheck() };
  /** How many agents it has read from. */
  connections = 0;
  readonly ended: Promise<void>;
  readonly #machine: Machine;
  readonly #ref: string;
  #cursor: string | undefined;

  constructor(machine: Machine, ref: string) {
    this.#machine = machine;
    this.#ref = ref;
    this.ended = this.#follow();
    // Told to whoever waits for the end, which may come late.
    this.ended.catch(() => undefined);
  }

  async #follow(): Promise<void> {
    while (!(await this.#readOn()));
  }

  /** True when the task is over and everything was read; false when the agent is gone. */
  async #readOn(): Promise<boolean> {
    const agent = await this.#machine.connect();
    this.connections += 1;
    const after = this.#cursor === undefined ? {} : { after: this.#cursor };
    try {
      for await (const chunk of agent.logs(this.#ref, { follow: true, ...after })) {
        if (chunk.gap !== undefined) throw new Error(`a gap at ${chunk.cursor}`);
        this.checks[chunk.stream].push(chunk.data);
        this.#cursor = chunk.cursor;
      }
      return true;
    } catch (error) {
      if (!HoldfastError.is(error) || !error.retryable) throw error;
      return false;
    } finally {
      await agent[Symbol.asyncDispose]();
    }
  }
}
