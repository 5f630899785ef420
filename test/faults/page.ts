/** The report of a rig's parts as one page. */
import type { ProgrammeReport } from '../crash/report.ts';
import type { FullSizeRig } from './full-size.ts';

export function pageOf(
  rig: FullSizeRig,
  version: string,
  reports: readonly ProgrammeReport[],
): string {
  const failures = reports.flatMap((report) => report.failures);
  return [
    `# ${capital(rig.title)} report of Holdfast ${version}`,
    '',
    `Made by \`npm run full:${rig.name}\`. ${failures.length} failures.`,
    '',
    ...reports.flatMap((report) => sectionOf(rig, report)),
    '## Not covered',
    '',
    ...rig.notCovered.map((line) => `* ${line}`),
    '',
  ].join('\n');
}

function sectionOf({ parts }: FullSizeRig, report: ProgrammeReport): readonly string[] {
  const { subject, seed, commit, figures, controls, failures, tookMs } = report;
  const promise = parts.find(({ name }) => name === subject)?.promise ?? '';
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
