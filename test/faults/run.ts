/**
 * Runs the drills: `npm run faults -- [--full] [--seed N] [--only TEXT] [--cases N] [--jobs N] [--json FILE]`. Without
 * `--full` each has the size of its share of CI; `--jobs` says how many go on side by side. Ends with status 1 when
 * something was found, with 2 for words without a meaning.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { PACKAGE_VERSION } from '../../src/version.ts';
import { isGiven, matching, readFlags, text, whole } from '../rig-flags.ts';
import { sideBySide } from '../side-by-side.ts';
import { performDrill, type Drill, type Failure } from './drill.ts';
import { DRILLS } from './drills.ts';

const names = DRILLS.map(({ name }) => name);
const { full, only, ...flags } = readFlags({
  full: isGiven(),
  seed: whole(0, 1),
  only: matching((words) => names.some((name) => name.includes(words)), names),
  cases: whole(1, undefined),
  jobs: whole(1, 1),
  json: text(),
});
const { seed } = flags;
const began = performance.now();
const figures: Record<string, number> = {};
const controls: Record<string, string> = {};
const failures: Failure[] = [];

const wanted = DRILLS.filter(({ name }) => name.includes(only ?? ''));
await sideBySide(wanted, flags.jobs, play);

if (flags.json !== undefined) {
  const report = {
    subject: 'faults',
    seed,
    version: PACKAGE_VERSION,
    commit: execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim(),
    figures,
    controls,
    failures,
    tookMs: Math.round(performance.now() - began),
  };
  writeFileSync(flags.json, `${JSON.stringify(report, undefined, 2)}\n`);
}
process.exitCode = failures.length > 0 ? 1 : 0;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function play(drill: Drill): Promise<void> {
  const start = performance.now();
  const cases = flags.cases ?? (full ? drill.cases.full : drill.cases.share);
  const found = await performDrill(drill, cases, seed, (failure) => {
    failures.push({ ...failure, case: `${drill.name}: ${failure.case}` });
    say(`        ${failure.case}: ${failure.text}`);
  });
  const tookS = ((performance.now() - start) / 1_000).toFixed(1);
  say(`${found.failures.length === 0 ? 'ok    ' : 'FAILED'}  ${drill.name} (${tookS} s)`);
  for (const [name, value] of Object.entries(found.figures)) {
    figures[`${drill.name}: ${name}`] = value;
    say(`        ${name}: ${value}`);
  }
  for (const [name, said] of Object.entries(found.controls)) {
    controls[`${drill.name}: ${name}`] = said;
    say(`        control ${name}: ${said}`);
  }
}
