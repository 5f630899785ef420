/**
 * Drills at full size, and their report in docs/reports/, which is kept for every release. A rig may be stopped and
 * started again: what was finished for the same commit, seed and size is not run again.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_VERSION } from '../../src/version.ts';
import { headCommit, type ProgrammeReport } from '../crash/report.ts';
import { isGiven, matching, readFlags, text, whole } from '../rig-flags.ts';
import { type Drill, performDrill } from './drill.ts';
import { pageOf } from './page.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const REPORTS = join(ROOT, 'docs', 'reports');

export interface FullSizeRig {
  /** `npm run full:<name>`, and the beginning of the report's name. */
  readonly name: string;
  /** What the report is about. */
  readonly title: string;
  /** In this order. */
  readonly parts: readonly Drill[];
  /** What a reader of the report should know is not shown. */
  readonly notCovered: readonly string[];
}

/**
 * `npm run full:NAME -- [--seed N] [--only TEXT] [--share] [--json FILE]`. `--share` is the size of CI, and writes no
 * report. Sets status 1 when something was found, ends with 2 for words without a meaning.
 */
export async function performFullSize(rig: FullSizeRig): Promise<void> {
  const names = rig.parts.map(({ name }) => name);
  const flags = readFlags({
    seed: whole(0, 1),
    only: matching((words) => names.some((name) => name.includes(words)), names),
    share: isGiven(),
    json: text(),
  });
  const { seed, only = '' } = flags;
  const size = flags.share ? 'share' : 'full';
  const reports: ProgrammeReport[] = [];
  for (const part of rig.parts.filter(({ name }) => name.includes(only))) {
    if (part.cases[size] > 0) reports.push(await finishedOrPerformed(rig, part, size, seed));
  }
  const all = { version: PACKAGE_VERSION, commit: headCommit(), seed, parts: reports };
  const json = `${JSON.stringify(all, undefined, 2)}\n`;
  if (flags.json !== undefined) writeFileSync(flags.json, json);
  if (size === 'full' && only === '') writeReport(rig, reports, json);
  const failures = reports.reduce((sum, report) => sum + report.failures.length, 0);
  say(`${failures} failures`);
  process.exitCode = failures > 0 ? 1 : 0;
}

function writeReport(rig: FullSizeRig, reports: readonly ProgrammeReport[], json: string): void {
  mkdirSync(REPORTS, { recursive: true });
  const stem = `${rig.name}-${PACKAGE_VERSION}`;
  writeFileSync(join(REPORTS, `${stem}.json`), json);
  writeFileSync(join(REPORTS, `${stem}.md`), pageOf(rig, PACKAGE_VERSION, reports));
  say(`the report is docs/reports/${stem}.md`);
}

async function finishedOrPerformed(
  rig: FullSizeRig,
  part: Drill,
  size: 'share' | 'full',
  seed: number,
): Promise<ProgrammeReport> {
  const kept = join(ROOT, 'node_modules', '.cache', `holdfast-${rig.name}`);
  mkdirSync(kept, { recursive: true });
  const path = join(kept, `${part.name.replaceAll(' ', '-')}-${size}-${seed}.json`);
  const before = finished(path);
  if (before !== undefined) say(`${part.name}: finished before`);
  const report = before ?? (await perform(part, part.cases[size], seed));
  writeFileSync(path, `${JSON.stringify(report, undefined, 2)}\n`);
  return report;
}

/** One that had failures, or that could not be run, is tried again. */
function finished(path: string): ProgrammeReport | undefined {
  if (!existsSync(path)) return undefined;
  const report = JSON.parse(readFileSync(path, 'utf8')) as ProgrammeReport;
  const isDone = report.failures.length === 0 && report.controls['not run'] === undefined;
  return report.commit === headCommit() && isDone ? report : undefined;
}

async function perform(part: Drill, cases: number, seed: number): Promise<ProgrammeReport> {
  const began = performance.now();
  say(`${part.name}: ${part.promise}`);
  const found = await performDrill(part, cases, seed, ({ case: name, text: why }) =>
    say(`  FAILED ${name}: ${why}`),
  );
  const { figures, controls, failures } = found;
  const report: ProgrammeReport = {
    subject: part.name,
    seed,
    version: PACKAGE_VERSION,
    commit: headCommit(),
    figures,
    controls,
    failures,
    tookMs: Math.round(performance.now() - began),
  };
  for (const [name, value] of Object.entries(figures)) say(`  ${name}: ${value}`);
  for (const [name, why] of Object.entries(controls)) say(`  control ${name}: ${why}`);
  say(`  ${failures.length} failures in ${(report.tookMs / 1_000).toFixed(1)} s`);
  return report;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
