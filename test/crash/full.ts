/**
 * `npm run full:crash -- [--seed N] [--only NAME]`: all programmes at full size, and their report in docs/reports/,
 * which is kept for every release. It may be stopped and started again: what was finished for the same commit and seed
 * is not run again. With `--only` the rest of the report stays as it was, each part with the commit it is about.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_VERSION } from '../../src/version.ts';
import { matching, readFlags, whole } from '../rig-flags.ts';
import { pageOf } from './markdown.ts';
import { headCommit, type ProgrammeReport } from './report.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const FINISHED = join(ROOT, 'node_modules', '.cache', 'holdfast-crash');
const REPORTS = join(ROOT, 'docs', 'reports');

/** Each writes its report with `--json` and ends with 1 when something was found. */
const PROGRAMMES: readonly (readonly [name: string, script: string, ...args: string[]])[] = [
  ['crash', 'test/crash/run.ts', '--mutants'],
  ['sim', 'test/sim/run.ts', '--seeds', '10000', '--mutants', '--regressions'],
  ['properties', 'test/properties/run.ts', '--full'],
  // They wait more than they work.
  ['faults', 'test/faults/run.ts', '--full', '--jobs', '4'],
];

const names = PROGRAMMES.map(([name]) => name);
const { seed, only } = readFlags({
  seed: whole(0, 1),
  only: matching((part) => names.some((name) => name.includes(part)), names),
});

mkdirSync(FINISHED, { recursive: true });
mkdirSync(REPORTS, { recursive: true });
const stem = join(REPORTS, `crash-${PACKAGE_VERSION}`);
const reports: ProgrammeReport[] = [];
for (const [name, script, ...args] of PROGRAMMES) {
  if (name.includes(only ?? '')) {
    reports.push(finished(name) ?? (await run(name, script, args)));
  } else {
    reports.push(...reportedBefore().filter(({ subject }) => subject.startsWith(name)));
  }
}
const all = { version: PACKAGE_VERSION, commit: headCommit(), seed, programmes: reports };
writeFileSync(`${stem}.json`, `${JSON.stringify(all, null, 2)}\n`);
writeFileSync(`${stem}.md`, pageOf(reports));
const failures = reports.reduce((sum, report) => sum + report.failures.length, 0);
say(`${failures} failures; the report is docs/reports/crash-${PACKAGE_VERSION}.md`);
process.exitCode = failures > 0 ? 1 : 0;

function reportedBefore(): readonly ProgrammeReport[] {
  if (!existsSync(`${stem}.json`)) return [];
  const last = JSON.parse(readFileSync(`${stem}.json`, 'utf8')) as typeof all;
  return last.programmes;
}

function jsonOf(name: string): string {
  return join(FINISHED, `${name}-${seed}.json`);
}

function finished(name: string): ProgrammeReport | undefined {
  if (!existsSync(jsonOf(name))) return undefined;
  const report = JSON.parse(readFileSync(jsonOf(name), 'utf8')) as ProgrammeReport;
  if (report.commit !== headCommit()) return undefined;
  say(`${name}: finished before, with ${report.failures.length} failures`);
  return report;
}

async function run(name: string, script: string, args: string[]): Promise<ProgrammeReport> {
  say(`${name}: ${script} ${args.join(' ')}`);
  const words = [join(ROOT, script), ...args, '--seed', String(seed), '--json', jsonOf(name)];
  const child = spawn(process.execPath, words, { cwd: ROOT, stdio: 'inherit' });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  const report = finished(name);
  if (report === undefined) throw new Error(`${name} ended with ${String(code)} and no report`);
  return report;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
