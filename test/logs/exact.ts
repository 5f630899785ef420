/** Programs that print and end at once, bursts, lines without an end, bytes of all values: what comes out is what went in. */
import { randomFillSync, createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Orchestrator } from '../../src/api.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import { ExecRig } from '../drivers/exec-rig.ts';
import { inTurns } from '../executor/in-turns.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import type { Patch } from '../patch.ts';
import { digestsOf, sha256, withDir, withMachine, withMutant } from './room.ts';

const MIB = 2 ** 20;
const TOGETHER = 8;
/** The tasks print pieces of one source, each from a place of its own. */
const SOURCE_BYTES = 4 * MIB;

const WRITER = 'src/processes/logmon-host/stream-writer.ts';

/** The first move takes a hundred bytes and says that it took one more: what comes next is a byte too far. */
export const ONE_LOST_BYTE: readonly Patch[] = [
  {
    file: WRITER,
    find: 'this.#mover.move(this.fifo, fd, segment.sizeBytes, bytes);',
    replace:
      'this.#mover.move(this.fifo, fd, segment.sizeBytes, this.#collectedBytes ? bytes : 100);',
  },
  {
    file: WRITER,
    find: '    segment.grow(count);',
    replace: '    segment.grow(this.#collectedBytes ? count : count + 1);',
  },
];

export const briefTasks: Drill = {
  name: 'brief tasks',
  promise: 'what a task prints that prints a mebibyte and ends at once comes out, byte for byte',
  tools: [],
  privileges: [],
  mutants: [ONE_LOST_BYTE],
  cases: { share: 16, full: 1_000 },
  async run(findings, cases) {
    await withDir(async (dir) => {
      const source = sourceIn(dir, findings);
      const rig = new ExecRig();
      try {
        const agent = await rig.orchestrator();
        await inTurns(cases, TOGETHER, (index) =>
          findings.attempt(`task ${index}`, async () => {
            const fault = await faultInBrief(agent, source, index, findings.between(0, 256));
            findings.count('tasks');
            if (fault !== undefined) throw new Error(fault);
          }),
        );
      } finally {
        await rig.end();
      }
      await withMutant(ONE_LOST_BYTE, (command) =>
        withMachine(async (machine) => {
          const fault = await faultInBrief(await machine.startAgent(), source, 0, 3);
          findings.control('one byte in a wrong place', fault !== undefined, fault ?? 'nothing');
        }, command),
      );
    });
  },
};

/** Half of it lines, half of it noise. */
function sourceIn(dir: string, findings: Findings): string {
  const bytes = Buffer.alloc(SOURCE_BYTES);
  let at = 0;
  while (at < SOURCE_BYTES / 2) {
    const line = `${at} ${'.'.repeat(findings.between(0, 200))}\n`;
    at += bytes.write(line, at, 'latin1');
  }
  for (; at < SOURCE_BYTES; at += 1) bytes[at] = findings.between(0, 256);
  const path = join(dir, 'source');
  writeFileSync(path, bytes);
  return path;
}

/** What is wrong with what one task printed and how it ended. Both streams are written at the same time. */
async function faultInBrief(
  agent: Orchestrator,
  source: string,
  index: number,
  code: number,
): Promise<string | undefined> {
  const outAt = (index * 4_099) % (SOURCE_BYTES - MIB);
  const errBytes = 65_536 + (index % 7);
  const script = [
    `tail -c +${outAt + 1} "$0" | head -c ${MIB} &`,
    `head -c ${errBytes} "$0" >&2; wait; exit ${code}`,
  ].join(' ');
  const alloc = await agent.run(shell(`brief-${index}`, script, [source], {}));
  const { tasks } = await alloc.wait();
  const digests = await digestsOf(agent, alloc.allocId);
  const bytes = readFileSync(source);
  const wanted = {
    stdout: sha256(bytes.subarray(outAt, outAt + MIB)),
    stderr: sha256(bytes.subarray(0, errBytes)),
  };
  const { exitCode, reason } = tasks[0] ?? {};
  if (exitCode !== code) return `it ended with ${exitCode}, not with ${code}: ${reason}`;
  if (digests.stdout !== wanted.stdout) return 'stdout is not what it printed';
  return digests.stderr === wanted.stderr ? undefined : 'stderr is not what it printed';
}

function shell(
  name: string,
  script: string,
  args: readonly string[],
  logs: GroupSpecInput['tasks'][number]['logs'],
): GroupSpecInput {
  const config = { command: '/bin/sh', args: ['-c', script, ...args] };
  const restart = { attempts: 0, mode: 'fail' } as const;
  return {
    name,
    type: 'batch',
    restart,
    tasks: [{ name: 'main', driver: 'raw_exec', config, logs }],
  };
}

/** As `cases` say, in mebibytes; without an end means without a newline anywhere. */
export const bursts: Drill = {
  name: 'bursts',
  promise: 'a burst at full speed comes out, byte for byte',
  tools: [],
  privileges: [],
  cases: { share: 64, full: 512 },
  async run(findings, cases) {
    await printed(findings, 'burst', (dir) => ({
      bytes: readFileSync(sourceIn(dir, findings)),
      times: cases / (SOURCE_BYTES / MIB),
    }));
  },
};

export const untouchedBytes: Drill = {
  name: 'untouched bytes',
  promise: 'a line of 64 MiB without an end and bytes of all values come out as they are',
  tools: [],
  privileges: [],
  cases: { share: 64, full: 64 },
  async run(findings, cases) {
    await printed(findings, 'endless line', () => ({
      bytes: Buffer.alloc(MIB, 'no end '),
      times: cases,
    }));
    await printed(findings, 'all values', () => ({
      bytes: Buffer.from(Array.from({ length: MIB }, (_one, at) => (at + (at >> 8)) % 256)),
      times: 4,
    }));
    await printed(findings, 'noise', () => ({
      bytes: randomFillSync(Buffer.alloc(2 * MIB)),
      times: 4,
    }));
  },
};

interface Printed {
  readonly bytes: Uint8Array;
  /** How often they are printed, one after the other. */
  readonly times: number;
}

/** A task prints it all at full speed. The rate is that of everything: program, collector, disk and machine. */
async function printed(
  findings: Findings,
  name: string,
  make: (dir: string) => Printed,
): Promise<void> {
  const rig = new ExecRig();
  try {
    await withDir(async (dir) => {
      const { bytes, times } = make(dir);
      const source = join(dir, 'printed');
      writeFileSync(source, bytes);
      const agent = await rig.orchestrator();
      const args = ['cat', ...Array.from({ length: times }, () => source)];
      const logs = { maxFiles: 1_000, maxFileSizeMb: 10 };
      const began = performance.now();
      const alloc = await agent.run(shell('printed', 'exec cat "$@"', args, logs));
      await alloc.wait();
      const rate = (bytes.length * times) / 1e3 / (performance.now() - began);
      findings.count(`${name}, MiB`, (bytes.length * times) / MIB);
      if (name === 'burst') findings.count('burst, MB/s from start to end', Math.round(rate));
      const wanted = createHash('sha256');
      for (let time = 0; time < times; time += 1) wanted.update(bytes);
      const { stdout } = await digestsOf(agent, alloc.allocId);
      if (stdout !== wanted.digest('hex')) findings.fail(name, 'it is not what was printed');
    });
  } finally {
    await rig.end();
  }
}
