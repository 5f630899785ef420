/** The report of all parts as one page. */
import type { ProgrammeReport } from '../crash/report.ts';
import { PARTS } from './parts.ts';

const NOT_COVERED = `* Machines without any cgroup: there the end of a tree is best effort, and the capability says so.
* Kernels other than the one of the machine that this was made on, except where a part names another.
* Processes that root moves out of their cgroup on purpose.
`;

export function pageOf(version: string, reports: readonly ProgrammeReport[]): string {
  const failures = reports.flatMap((report) => report.failures);
  return [
    `# Executor report of Holdfast ${version}`,
    '',
    `Made by \`npm run full:executor\`. ${failures.length} failures.`,
    '',
    ...reports.flatMap(sectionOf),
    '## Not covered',
    '',
    NOT_COVERED,
  ].join('\n');
}

function sectionOf(report: ProgrammeReport): readonly string[] {
  const { subject, seed, commit, figures, controls, failures, tookMs } = report;
  const promise = PARTS.find(({ name }) => name === subject)?.promise ?? '';
  return [
    `## ${capital(subject)}: ${promise}`,
    '',
    `Seed ${seed}, commit \`${commit.slice(0, 12)}\`, ${(tookMs / 60_000).toFixed(1)} minutes.`,
    '',
    ...table(
      ['figure', ''],
      Object.entries(figures).map(([name, value]) => [name, String(value)]),
    ),
    ...table(['a control that must fail', 'what was seen'], Object.entries(controls)),
    ...table(
      ['failure', ''],
      failures.map((one) => [`\`${one.case}\``, one.text]),
    ),
  ];
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''];
}
