import { examine } from '../doctor/examine.ts';
import type { Finding, Level } from '../doctor/finding.ts';
import { dataDirectory } from './data-dir.ts';
import { printable, say, styled, write } from './output.ts';
import { formatTable } from './table.ts';

export interface DoctorOptions {
  readonly dataDir?: string;
  readonly json?: boolean;
}

/** `holdfast doctor`: one line a finding, or one JSON array of them. Exit status 1 when something fails. */
export async function doctor(options: DoctorOptions): Promise<void> {
  const findings = await examine(dataDirectory(options.dataDir), Date.now());
  const failed = findings.filter(({ level }) => level === 'fail').length;
  if (failed > 0) process.exitCode = 1;
  if (options.json === true) return write(`${JSON.stringify(findings, null, 2)}\n`);
  await write(findingTable(findings));
  say(summaryOf(findings.length, failed, findings.filter((one) => one.level === 'warn').length));
}

const STYLES = { ok: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<
  Level,
  string
>;

export function findingTable(findings: readonly Finding[]): string {
  return formatTable(
    [
      {
        title: '',
        cell: ({ level }) => level,
        style: (text, { level }) => styled(STYLES[level], text),
      },
      { title: 'CHECK', cell: ({ check }) => check },
      {
        title: 'FINDING',
        cell: ({ message, remedy }) =>
          printable(remedy === null ? message : `${message}. ${capital(remedy)}`),
      },
    ],
    findings,
  );
}

/** A remedy that is a command stays as it is to be typed. */
function capital(remedy: string): string {
  return /^(holdfast|kill|chmod|npm|ulimit) /.test(remedy)
    ? `Try: ${remedy}`
    : `${remedy.slice(0, 1).toUpperCase()}${remedy.slice(1)}`;
}

function summaryOf(all: number, failed: number, warned: number): string {
  const bad = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(warned > 0 ? [`${warned} to look at`] : []),
  ];
  return `${all} checks, ${bad.length === 0 ? 'all well' : bad.join(', ')}`;
}
