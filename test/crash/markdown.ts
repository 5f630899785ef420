/** The reports of all programmes as one page. */
import type { ProgrammeReport } from './report.ts';

const TITLES: Readonly<Record<string, string>> = {
  crash: 'The kill matrix: real processes, killed, stopped, delayed and failed at named points',
  simulation: 'The simulator: the real machines on a machine that is made up',
  properties: 'Properties of log, subscriptions, upcasters and restart policy',
  faults: 'Drills on real files, disks, clocks and pids',
};

const NOT_COVERED = `* A kernel or a disk that lies about \`fsync\`, and a hostile root.
* Processes that give their mark, their session and their parent away: without a cgroup they hide from a tree kill.
* In the kill matrix: the gRPC edge of the agent and the command, a kill within one system call (the drills do that),
  an instruction between two points. A simulated reboot loses what was in pipes, but no file that was not synced: the
  power cuts of the drills do.
* An error that makes the release of a task's output fail for good leaves its FIFOs and its logmon host behind.
`;

export function pageOf(reports: readonly ProgrammeReport[]): string {
  const [first] = reports;
  const version = first?.version ?? '';
  const failures = reports.flatMap((report) => report.failures);
  const lines = [
    `# Crash report of Holdfast ${version}`,
    '',
    `Made by \`npm run full:crash\`. ${failures.length} failures.`,
    '',
    ...reports.flatMap(sectionOf),
    '## Not covered',
    '',
    NOT_COVERED,
  ];
  return lines.join('\n');
}

function sectionOf(report: ProgrammeReport): readonly string[] {
  const { subject, seed, commit, figures, controls, failures, tookMs } = report;
  const minutes = (tookMs / 60_000).toFixed(1);
  const plain = Object.entries(figures).filter(([name]) => !AXIS.test(name));
  return [
    `## ${TITLES[subject] ?? subject}`,
    '',
    `Seed ${seed}, commit \`${commit.slice(0, 12)}\`, ${minutes} minutes.`,
    '',
    ...axesOf(figures),
    ...table(
      ['figure', ''],
      plain.map(([name, value]) => [name, String(value)]),
    ),
    ...tableUnlessEmpty(
      ['a control that must fail', 'what it was caught by'],
      Object.entries(controls),
    ),
    ...tableUnlessEmpty(
      ['failure', ''],
      failures.map((one) => [`\`${one.case}\``, one.text]),
    ),
  ];
}

const AXIS = /^([a-z]+)\.(cases|landed|faulty)$/;

/** Figures named `axis.cases`, `axis.landed` and `axis.faulty` as one row for each axis. */
function axesOf(figures: ProgrammeReport['figures']): readonly string[] {
  const names = Object.keys(figures).flatMap((name) => AXIS.exec(name)?.[1] ?? []);
  const rows = [...new Set(names)].map((axis) => [
    axis,
    ...['cases', 'landed', 'faulty'].map((what) => String(figures[`${axis}.${what}`] ?? 0)),
  ]);
  return tableUnlessEmpty(['axis', 'cases', 'landed as planned', 'faulty'], rows);
}

function tableUnlessEmpty(head: readonly string[], rows: readonly (readonly string[])[]) {
  return rows.length === 0 ? [] : table(head, rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''];
}
