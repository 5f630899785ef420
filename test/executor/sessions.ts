/** Many short commands beside tasks: every byte arrives and every exit code is right, with a terminal and without. */
import type { TaskHandle } from '../../src/api.ts';
import { until } from '../acceptance/rig.ts';
import { ExecRig } from '../drivers/exec-rig.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import { inTurns } from './in-turns.ts';

const BYTES = 20_000;
const TOGETHER = 4;
const TERMINAL = { columns: 80, rows: 24 };

interface Command {
  readonly executor: string;
  readonly hasTerminal: boolean;
  readonly index: number;
  /** In so many pieces it is written. */
  readonly chunks: number;
  readonly code: number;
}

export const sessionDrill: Drill = {
  name: 'sessions',
  promise: 'short commands lose no byte and no exit code, with a terminal and without',
  tools: ['perl', 'runc', 'conmon'],
  privileges: ['root'],
  cases: { share: 30, full: 1_000 },
  async run(findings, cases) {
    const rig = new ExecRig();
    try {
      for (const executor of ['universal', 'isolated']) {
        const task = await lasting(rig, executor);
        for (const hasTerminal of [false, true]) {
          const commands = Array.from({ length: cases }, (_one, index) => {
            const chunks = findings.pick([1, 2, 5, 20, 100]);
            return { executor, hasTerminal, index, chunks, code: findings.between(0, 100) };
          });
          await inTurns(cases, TOGETHER, (index) =>
            attempt(task, findings, commands[index] as Command),
          );
        }
      }
      const short = { executor: 'universal', hasTerminal: true, index: 0, chunks: 1, code: 0 };
      const fault = await faultOf(await lasting(rig, 'universal'), short, BYTES - 1);
      findings.control('a command that writes a byte less', fault !== undefined, fault ?? 'none');
    } finally {
      await rig.end();
    }
  },
};

async function lasting(rig: ExecRig, executor: string): Promise<TaskHandle> {
  const orchestrator = await rig.orchestrator();
  const alloc = await orchestrator.run(rig.group('exec sleep 100000', { config: { executor } }));
  const task = alloc.task('main');
  await until('the task runs', async () => (await task.view()).state === 'running');
  return task;
}

async function attempt(task: TaskHandle, findings: Findings, command: Command): Promise<void> {
  await findings.attempt(JSON.stringify(command), async () => {
    const fault = await faultOf(task, command, BYTES);
    if (fault !== undefined) throw new Error(fault);
  });
  const { executor, hasTerminal } = command;
  findings.count(`${executor}, ${hasTerminal ? 'with a terminal' : 'without'}`);
}

async function faultOf(
  task: TaskHandle,
  { hasTerminal, index, chunks, code }: Command,
  bytes: number,
): Promise<string | undefined> {
  const unit = `${String(index).padStart(9, '0')}.`;
  const expected = unit.repeat(BYTES / unit.length);
  const script = `$| = 1; $t = "${unit}" x ${BYTES / unit.length}; $t = substr $t, 0, ${bytes};
    $n = int(length($t) / ${chunks}) || 1; while (length $t) { print substr($t, 0, $n, "") } exit ${code}`;
  const options = hasTerminal ? { terminal: TERMINAL } : {};
  const session = await task.exec(['perl', '-e', script], options);
  const heard = { stdout: '', stderr: '' };
  for await (const { stream, data } of session.output) {
    heard[stream] += Buffer.from(data).toString('latin1');
  }
  const { stdout, stderr } = heard;
  const exit = await session.exit;
  if (stdout !== expected) return `${stdout.length} bytes of ${BYTES} arrived`;
  if (stderr !== '') return `${stderr.length} bytes on stderr: ${stderr.slice(0, 80)}`;
  return exit.exitCode === code ? undefined : `ended with ${JSON.stringify(exit)}, not ${code}`;
}
