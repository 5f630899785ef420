/** Many short commands beside one program: every byte arrives and every exit code is right, with a terminal and without. */
import type { Drill, Findings } from '../faults/drill.ts';
import { Rig } from '../processes/host-rig.ts';
import { SessionRig } from '../processes/session-rig.ts';
import { inTurns } from './in-turns.ts';

const BYTES = 20_000;
const TOGETHER = 4;

interface Command {
  readonly hasTerminal: boolean;
  readonly index: number;
  readonly chunks: number;
  readonly code: number;
}

export const sessionDrill: Drill = {
  name: 'sessions',
  promise: 'short commands lose no byte and no exit code, with a terminal and without',
  tools: ['perl'],
  privileges: [],
  cases: { share: 40, full: 1_000 },
  async run(findings, cases) {
    const rig = new Rig();
    try {
      const host = await rig.host('sessions');
      const request = rig.request('exec sleep 100000');
      await rig.started(host, request);
      const sessions = new SessionRig(host, request);
      try {
        for (const hasTerminal of [false, true]) {
          const commands = Array.from({ length: cases }, (_one, index) => {
            const chunks = findings.pick([1, 2, 5, 20, 100]);
            return { hasTerminal, index, chunks, code: findings.between(0, 100) };
          });
          await inTurns(cases, TOGETHER, (index) =>
            attempt(sessions, findings, commands[index] as Command),
          );
        }
        const short = { hasTerminal: true, index: cases, chunks: 1, code: 0 };
        const fault = await faultOf(sessions, short, BYTES - 1);
        findings.control('a command that writes a byte less', fault !== undefined, fault ?? 'none');
      } finally {
        sessions.end();
      }
    } finally {
      rig.end();
    }
  },
};

async function attempt(rig: SessionRig, findings: Findings, command: Command): Promise<void> {
  const name = `${command.hasTerminal ? 'terminal' : 'pipes'} ${JSON.stringify(command)}`;
  await findings.attempt(name, async () => {
    const fault = await faultOf(rig, command, BYTES);
    if (fault !== undefined) throw new Error(fault);
  });
  findings.count(command.hasTerminal ? 'with a terminal' : 'without');
}

async function faultOf(
  rig: SessionRig,
  { hasTerminal, index, chunks, code }: Command,
  bytes: number,
): Promise<string | undefined> {
  const unit = `${String(index).padStart(9, '0')}.`;
  const text = unit.repeat(BYTES / unit.length);
  const script = `$| = 1; $t = "${unit}" x ${BYTES / unit.length}; $t = substr $t, 0, ${bytes};
    $n = int(length($t) / ${chunks}) || 1; while (length $t) { print substr($t, 0, $n, "") } exit ${code}`;
  const terminal = hasTerminal ? { columns: 80, rows: 24, name: 'xterm' } : undefined;
  const session = await rig.open(['perl', '-e', script], { terminal });
  const { stdout, stderr, end } = await rig.hear(session);
  await rig.forget(session);
  if (stdout.toString('latin1') !== text) return `${stdout.length} bytes of ${BYTES} arrived`;
  if (stderr.length > 0)
    return `${stderr.length} bytes on stderr: ${stderr.toString('latin1', 0, 80)}`;
  return end?.exitCode === code ? undefined : `ended with ${JSON.stringify(end)}, not ${code}`;
}
