/**
 * `npm run sim -- [--seed N] [--seeds n] [--trace] [--only STRIKES] [--regressions] [--mutants] [--json FILE]`
 *
 * Simulates seeds from N on, on every core. A seed that fails is shrunk and printed with the command that repeats it;
 * every hundredth is run twice, and both must be one history. `--mutants` runs the controls that must fail too.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { PACKAGE_VERSION } from '../../src/version.ts';
import { isGiven, oneOf, readFlags, refuse, text, whole, wordsOf } from '../rig-flags.ts';
import { Crew } from './crew.ts';
import { FAULT_KINDS } from './faults.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { REGRESSIONS } from './regressions.ts';
import { likeness, nameOf, shrink } from './shrink.ts';
import type { ThreadReport } from './thread.ts';

interface Failure {
  readonly case: string;
  readonly text: string;
  readonly seed: number;
}

const TWICE_EVERY = 100;
/** A mutant that lives so long is not caught. */
const MUTANT_SEEDS = 1_000;
/** So many histories launch something, however unlucky. */
const EVENTFUL_SEEDS = 50;
/** More failing seeds than this are counted and not shrunk. */
const SHRUNK_AT_MOST = 8;

const isStrike = (name: string): boolean =>
  FAULT_KINDS.some((kind) => name.replace(/#\d+$/, '#') === `${kind}#`);
const flags = readFlags({
  seed: whole(0, 1),
  seeds: whole(0, 1),
  only: wordsOf(
    isStrike,
    FAULT_KINDS.map((kind) => `${kind}#N`),
  ),
  json: text(),
  jobs: whole(1, availableParallelism()),
  trace: isGiven(),
  mutants: isGiven(),
  mutant: oneOf(MUTANTS.map(({ name }) => name)),
  regressions: isGiven(),
});
const { seed: first, jobs } = flags;
const hunted = MUTANTS.filter(({ name }) => flags.mutants || name === flags.mutant);
const isOne = flags.trace || flags.only !== undefined;
if (!isOne && flags.seeds === 0 && hunted.length === 0 && !flags.regressions) {
  refuse('--seeds 0 leaves nothing to try without --mutants, --mutant or --regressions');
}
const failures: Failure[] = [];
const controls: Record<string, string> = {};
const figures: Record<string, number> = {};

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function count(name: string, by: number): void {
  figures[name] = (figures[name] ?? 0) + by;
}

/** Many seeds; the reports of those that failed. */
async function simulateSeeds(crew: Crew, from: number, seeds: number): Promise<ThreadReport[]> {
  const failed: ThreadReport[] = [];
  let next = from;
  const work = async (): Promise<void> => {
    for (let seed = next++; seed < from + seeds; seed = next++) {
      const report = await crew.simulate({ seed, isTwice: seed % TWICE_EVERY === 0 });
      count('seeds', 1);
      count('steps', report.steps);
      count('events', report.events);
      count('launches', report.launches);
      count('commands', report.commands);
      count('faults', report.strikes.length);
      const crashes = report.strikes.filter(({ kind }) => kind.startsWith('kill')).length;
      count('crashes', crashes);
      if (!report.isRepeatable) count('notRepeatable', 1);
      if (!report.isRepeatable) failed.push({ ...report, failure: 'two runs differ' });
      else if (report.failure !== '') failed.push(report);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return failed.toSorted((one, other) => one.seed - other.seed);
}

async function explain(crew: Crew, { seed, failure, strikes }: ThreadReport): Promise<void> {
  const wanted = likeness(failure);
  const only = await shrink(strikes, async (names) => {
    const again = await crew.simulate({ seed, only: names });
    return likeness(again.failure) === wanted;
  });
  const { trace, failure: text } = await crew.simulate({ seed, only, isTraced: true });
  say(`\nseed ${seed}: ${text}`);
  say(trace.slice(-25).join('\n'));
  say(`again: npm run sim -- --seed ${seed} --trace --only '${only.join(',')}'`);
  failures.push({ case: `--only '${only.join(',')}'`, text, seed });
}

async function hunt(mutant: Mutant): Promise<string> {
  using crew = new Crew(jobs, mutant.patches);
  let caught: ThreadReport | undefined;
  let next = 1;
  const work = async (): Promise<void> => {
    for (let seed = next++; seed <= MUTANT_SEEDS && caught === undefined; seed = next++) {
      const report = await crew.simulate({ seed });
      if (report.failure !== '') caught ??= report;
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  if (caught !== undefined) return `caught at seed ${caught.seed}: ${caught.failure.slice(0, 120)}`;
  failures.push({ case: `mutant ${mutant.name}`, text: 'was not caught', seed: 0 });
  return `NOT CAUGHT in ${MUTANT_SEEDS} seeds`;
}

async function main(): Promise<void> {
  const beganAt = performance.now();
  {
    using crew = new Crew(jobs);
    if (isOne) {
      const report = await crew.simulate({ seed: first, only: flags.only, isTraced: true });
      say(report.trace.join('\n'));
      say(`strikes: ${report.strikes.map(nameOf).join(',')}`);
      say(report.failure === '' ? 'nothing failed' : `FAILED ${report.failure}`);
      if (report.failure !== '') failures.push({ case: '', text: report.failure, seed: first });
    } else {
      if (flags.regressions) await replayRegressions(crew);
      const failed = await simulateSeeds(crew, first, flags.seeds);
      count('failing', failed.length);
      for (const report of failed.slice(0, SHRUNK_AT_MOST)) await explain(crew, report);
      for (const { seed, failure } of failed.slice(SHRUNK_AT_MOST)) {
        say(`seed ${seed}: ${failure}`);
        failures.push({ case: '', text: failure, seed });
      }
    }
  }
  for (const mutant of hunted) {
    controls[mutant.name] = await hunt(mutant);
    say(`mutant ${mutant.name}: ${controls[mutant.name]}`);
  }
  finish(Math.round(performance.now() - beganAt));
}

/** Without commands beside tasks, as most of them were found, and with those that their seeds have. */
async function replayRegressions(crew: Crew): Promise<void> {
  for (const { seed, only, why } of REGRESSIONS) {
    for (const isAlone of [true, false]) {
      const report = await crew.simulate({ seed, only, isAlone, isTwice: true });
      const text = report.isRepeatable ? report.failure : 'two runs differ';
      count('regressions', 1);
      if (text === '') continue;
      say(`regression (${why}), seed ${seed}: ${text}`);
      failures.push({ case: why, text, seed });
    }
  }
}

/** A world in which nothing ever starts finds no fault: that is a broken rig, not a good result. */
function assertEventful(): void {
  if ((figures['seeds'] ?? 0) < EVENTFUL_SEEDS || (figures['launches'] ?? 0) > 0) return;
  failures.push({ case: 'the rig', text: 'nothing was ever launched', seed: first });
}

function finish(tookMs: number): void {
  assertEventful();
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  const facts = { subject: 'simulation', seed: first, version: PACKAGE_VERSION, commit };
  const report = { ...facts, figures, controls, failures, tookMs };
  if (flags.json !== undefined) {
    writeFileSync(flags.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  if (figures['seeds'] !== undefined) {
    say(`\n${JSON.stringify(figures)} in ${(tookMs / 1_000).toFixed(1)} s`);
  }
  say(failures.length === 0 ? 'nothing failed' : `${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

await main();
