/**
 * The kill matrix: `npm run crash -- --seed 7` plays the whole of it, `--share` as much as CI plays, `--axis`, `--point`
 * and `--case` less; `--mutants` tries the controls too, alone with `--axis none`. Every fault is printed with the word
 * that repeats its case alone.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { AXES, CI, FULL } from './axes.ts';
import { MUTANTS } from './mutants.ts';
import { isAxis, onStage, playAll, readCase, runProgramme, tryMutants } from './programme.ts';
import { reportOf } from './report.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const { values } = parseArgs({
  options: {
    seed: { ...text, default: '1' },
    axis: text,
    point: text,
    cases: text,
    case: text,
    times: { ...text, default: '1' },
    json: text,
    jobs: { ...text, default: '3' },
    mutants: flag,
    share: flag,
    keep: flag,
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const shared = { jobs: Number(values.jobs), isKept: values.keep, say };
process.exitCode = values.case === undefined ? await playMatrix() : await playOne(values.case);

async function playOne(id: string): Promise<number> {
  const spec = readCase(id);
  const cases = Array.from({ length: Number(values.times) }, () => spec);
  const results = await onStage([], shared, (stage) => playAll(cases, stage, shared));
  const faulty = results.filter(({ faults }) => faults.length > 0).length;
  const hit = results.filter(({ landed }) => landed === spec.plan.length).length;
  say(`${faulty} of ${results.length} went wrong, in ${hit} everything landed`);
  return faulty > 0 ? 1 : 0;
}

async function playMatrix(): Promise<number> {
  const began = performance.now();
  const seed = Number(values.seed);
  const { axis, point, cases, json } = values;
  const axes = axis === undefined ? AXES : axis.split(',').filter(isAxis);
  const programme = await runProgramme({
    ...shared,
    seed,
    axes,
    size: values.share ? CI : FULL,
    // Less than everything need not come by every point.
    isWhole: axis === undefined && point === undefined && cases === undefined,
    ...(point === undefined ? {} : { point }),
    ...(cases === undefined ? {} : { most: Number(cases) }),
  });
  const verdicts = values.mutants ? await tryMutants(MUTANTS, shared) : new Map<string, string>();
  const report = reportOf(programme, verdicts, {
    seed,
    tookMs: Math.round(performance.now() - began),
  });
  for (const [name, value] of Object.entries(report.figures)) say(`${name}: ${value}`);
  say(`${report.failures.length} failures in ${Math.round(report.tookMs / 1_000)} s`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  return report.failures.length > 0 ? 1 : 0;
}
