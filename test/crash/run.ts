/**
 * The kill matrix: `npm run crash -- --seed 7` plays the whole of it, `--share` as much as CI plays, `--axis`, `--point`
 * and `--case` less; `--mutants` tries the controls too, alone with `--axis none`. Every fault is printed with the word
 * that repeats its case alone.
 */
import { writeFileSync } from 'node:fs';
import {
  type Flag,
  isGiven,
  matching,
  readFlags,
  refuse,
  text,
  UsageError,
  whole,
  wordsOf,
} from '../rig-flags.ts';
import { AXES, CI, FULL } from './axes.ts';
import type { CaseSpec } from './case.ts';
import { crashPoints } from './instrument.ts';
import { MUTANTS } from './mutants.ts';
import { isAxis, onStage, playAll, readCase, runProgramme, tryMutants } from './programme.ts';
import { reportOf } from './report.ts';

const points = crashPoints();
const aCase: Flag<CaseSpec | undefined> = {
  type: 'string',
  read(given) {
    if (given === undefined) return undefined;
    try {
      return readCase(String(given));
    } catch (error) {
      throw new UsageError((error as Error).message, { cause: error });
    }
  },
};
const flags = readFlags({
  seed: whole(0, 1),
  axis: wordsOf((name) => isAxis(name) || name === 'none', [...AXES, 'none']),
  point: matching((start) => points.some((point) => point.startsWith(start)), points),
  cases: whole(1, undefined),
  case: aCase,
  times: whole(1, 1),
  json: text(),
  jobs: whole(1, 3),
  mutants: isGiven(),
  share: isGiven(),
  keep: isGiven(),
});
const axes = flags.axis === undefined ? AXES : flags.axis.filter(isAxis);
if (axes.length === 0 && !flags.mutants) refuse('--axis none leaves nothing to try but --mutants');

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const shared = { jobs: flags.jobs, isKept: flags.keep, say };
process.exitCode = flags.case === undefined ? await playMatrix() : await playOne(flags.case);

async function playOne(spec: CaseSpec): Promise<number> {
  const cases = Array.from({ length: flags.times }, () => spec);
  const results = await onStage([], shared, (stage) => playAll(cases, stage, shared));
  const faulty = results.filter(({ faults }) => faults.length > 0).length;
  const hit = results.filter(({ landed }) => landed === spec.plan.length).length;
  say(`${faulty} of ${results.length} went wrong, in ${hit} everything landed`);
  return faulty > 0 ? 1 : 0;
}

async function playMatrix(): Promise<number> {
  const began = performance.now();
  const { seed, axis, point, cases, json } = flags;
  const programme = await runProgramme({
    ...shared,
    seed,
    axes,
    size: flags.share ? CI : FULL,
    // Less than everything need not come by every point.
    isWhole: axis === undefined && point === undefined && cases === undefined,
    ...(point === undefined ? {} : { point }),
    ...(cases === undefined ? {} : { most: cases }),
  });
  const verdicts = flags.mutants ? await tryMutants(MUTANTS, shared) : new Map<string, string>();
  const report = reportOf(programme, verdicts, {
    seed,
    tookMs: Math.round(performance.now() - began),
  });
  for (const [name, value] of Object.entries(report.figures)) say(`${name}: ${value}`);
  say(`${report.failures.length} failures in ${Math.round(report.tookMs / 1_000)} s`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  return report.failures.length > 0 ? 1 : 0;
}
