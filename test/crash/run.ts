/**
 * The kill matrix: `npm run crash -- --seed 7` plays the whole of it, `--share` what CI plays, `--axis`, `--point` and
 * `--case` less. Every fault is printed with the word that repeats its case alone.
 */
import { parseArgs } from 'node:util';
import { AXES, CI, FULL } from './axes.ts';
import { MUTANTS } from './mutants.ts';
import {
  isAxis,
  onStage,
  playAll,
  readCase,
  runProgramme,
  SURVIVED,
  tryMutants,
} from './programme.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const { values } = parseArgs({
  options: {
    seed: { ...text, default: '1' },
    axis: text,
    point: text,
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
const seed = Number(values.seed);
const jobs = Number(values.jobs);
const isKept = values.keep;

const began = performance.now();
if (values.case !== undefined) {
  const spec = readCase(values.case);
  const cases = Array.from({ length: Number(values.times) }, () => spec);
  const results = await onStage([], { isKept, say }, (stage) =>
    playAll(cases, stage, { jobs, say }),
  );
  const faulty = results.filter(({ faults }) => faults.length > 0).length;
  const hit = results.filter(({ landed }) => landed === spec.plan.length).length;
  say(`${faulty} of ${results.length} went wrong; ${hit} landed`);
  process.exitCode = faulty > 0 ? 1 : 0;
} else if (values.mutants) {
  const verdicts = await tryMutants(MUTANTS, { isKept, jobs, say });
  process.exitCode = [...verdicts.values()].includes(SURVIVED) ? 1 : 0;
} else {
  const axes = values.axis === undefined ? AXES : values.axis.split(',').filter(isAxis);
  const size = values.share ? CI : FULL;
  const { point } = values;
  const options = {
    seed,
    size,
    axes,
    jobs,
    isKept,
    say,
    ...(point === undefined ? {} : { point }),
  };
  const { results, unreached } = await runProgramme(options);
  for (const name of unreached) say(`NEVER REACHED ${name}`);
  for (const axis of ['census', ...axes]) {
    const own = results.filter(({ spec }) => spec.axis === axis);
    const hit = own.filter(({ spec, landed }) => landed === spec.plan.length).length;
    const faulty = own.filter(({ faults }) => faults.length > 0).length;
    say(`${axis}: ${own.length} cases, ${hit} landed, ${faulty} faulty`);
  }
  const faulty = results.filter(({ faults }) => faults.length > 0).length;
  say(
    `${results.length} cases, ${faulty} faulty, ${Math.round((performance.now() - began) / 1000)} s`,
  );
  process.exitCode = faulty > 0 || unreached.length > 0 ? 1 : 0;
}
