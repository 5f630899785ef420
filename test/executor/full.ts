/**
 * `npm run full:executor -- [--seed N] [--only TEXT] [--share] [--json FILE]`: what is promised of executors at full
 * size, and its report in docs/reports/, which is kept for every release. It may be stopped and started again: what was
 * finished for the same commit, seed and size is not run again. `--share` is the size of CI, and writes no report.
 * Ends with status 1 when something was found.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PACKAGE_VERSION } from '../../src/version.ts';
import { headCommit, type ProgrammeReport } from '../crash/report.ts';
import { type Drill, performDrill } from '../faults/drill.ts';
import { pageOf } from './page.ts';
import { PARTS } from './parts.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const FINISHED = join(ROOT, 'node_modules', '.cache', 'holdfast-executor');
const REPORTS = join(ROOT, 'docs', 'reports');

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    share: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const seed = Number(values.seed);
const size = values.share ? 'share' : 'full';

mkdirSync(FINISHED, { recursive: true });
const reports: ProgrammeReport[] = [];
for (const part of PARTS.filter(isAsked)) {
  reports.push(finished(part) ?? (await perform(part)));
}
const whole = { version: PACKAGE_VERSION, commit: headCommit(), seed, parts: reports };
const text = `${JSON.stringify(whole, undefined, 2)}\n`;
if (values.json !== undefined) writeFileSync(values.json, text);
if (size === 'full' && values.only === '') {
  mkdirSync(REPORTS, { recursive: true });
  const stem = join(REPORTS, `executor-${PACKAGE_VERSION}`);
  writeFileSync(`${stem}.json`, text);
  writeFileSync(`${stem}.md`, pageOf(PACKAGE_VERSION, reports));
  say(`the report is docs/reports/executor-${PACKAGE_VERSION}.md`);
}
const failures = reports.reduce((sum, report) => sum + report.failures.length, 0);
say(`${failures} failures`);
process.exitCode = failures > 0 ? 1 : 0;

function isAsked({ name, cases }: Drill): boolean {
  return name.includes(values.only) && cases[size] > 0;
}

function fileOf({ name }: Drill): string {
  return join(FINISHED, `${name.replaceAll(' ', '-')}-${size}-${seed}.json`);
}

/** One that had failures, or that could not be run, is tried again. */
function finished(part: Drill): ProgrammeReport | undefined {
  if (!existsSync(fileOf(part))) return undefined;
  const report = JSON.parse(readFileSync(fileOf(part), 'utf8')) as ProgrammeReport;
  const isDone = report.failures.length === 0 && report.controls['not run'] === undefined;
  if (report.commit !== headCommit() || !isDone) return undefined;
  say(`${part.name}: finished before`);
  return report;
}

async function perform(part: Drill): Promise<ProgrammeReport> {
  const began = performance.now();
  say(`${part.name}: ${part.promise}`);
  const found = await performDrill(part, part.cases[size], seed, ({ case: name, text: why }) =>
    say(`  FAILED ${name}: ${why}`),
  );
  const { figures, controls, failures: faults } = found;
  const report: ProgrammeReport = {
    subject: part.name,
    seed,
    version: PACKAGE_VERSION,
    commit: headCommit(),
    figures,
    controls,
    failures: faults,
    tookMs: Math.round(performance.now() - began),
  };
  writeFileSync(fileOf(part), `${JSON.stringify(report, undefined, 2)}\n`);
  for (const [name, value] of Object.entries(figures)) say(`  ${name}: ${value}`);
  for (const [name, why] of Object.entries(controls)) say(`  control ${name}: ${why}`);
  say(`  ${faults.length} failures in ${(report.tookMs / 1_000).toFixed(1)} s`);
  return report;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
