/** Plays many cases, some side by side, and keeps what came of each. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Patch } from '../patch.ts';
import { sideBySide } from '../side-by-side.ts';
import { AXES, casesOf, type Axis, type Size } from './axes.ts';
import { Canary } from './canary.ts';
import { runCase, type CaseResult, type CaseSpec, type CaseStage } from './case.ts';
import { censusCases, isPossible, takeCensus, type Census } from './census.ts';
import { crashPoints, instrument } from './instrument.ts';
import type { Mutant } from './mutants.ts';
import { parsePlan, RIG } from './plan.ts';
import { WORKLOADS } from './workloads.ts';

export interface ProgrammeOptions {
  readonly seed: number;
  readonly size: Size;
  readonly axes: readonly Axis[];
  /** Cases side by side: they wait more than they work. */
  readonly jobs: number;
  /** Keeps the directories of all cases. */
  readonly isKept: boolean;
  /** Only cases that hurt a point whose name begins so. */
  readonly point?: string;
  /** At most so many cases of each axis. */
  readonly most?: number;
  /** A point that is never reached is then a failure. */
  readonly isWhole: boolean;
  readonly say: (line: string) => void;
}

export interface Programme {
  readonly results: readonly CaseResult[];
  /** Points of the source that no case came by. */
  readonly unreached: readonly string[];
  readonly points: number;
}

export async function runProgramme(options: ProgrammeOptions): Promise<Programme> {
  return onStage([], options, async (stage) => {
    const first = await playAll(censusCases(), stage, options);
    const census = takeCensus(first);
    const cases = options.axes.flatMap((axis) => chosen(axis, census, options));
    const results = [...first, ...(await playAll(cases, stage, options))];
    const reached = new Set(results.flatMap((result) => [...result.reached.keys()]));
    const points = crashPoints().filter((point) => isPossible(point));
    const unreached = options.isWhole ? points.filter((point) => !reached.has(point)) : [];
    return { results, unreached, points: points.length };
  });
}

function chosen(axis: Axis, census: Census, options: ProgrammeOptions): readonly CaseSpec[] {
  const { size, seed, point, most } = options;
  const hurts = ({ plan }: CaseSpec): boolean =>
    point === undefined || plan.some((strike) => strike.point.startsWith(point));
  return casesOf(axis, census, size, seed).filter(hurts).slice(0, most);
}

/**
 * Hosts that nobody needs are told to end when an agent closes. One that was too busy to be told ends by itself a minute
 * after the last word with it, at its next look at itself.
 */
const LEAVING_MS = 80_000;
/** No mutant is caught by what it leaves behind, and one is made to leave something. */
const MUTANT_LEAVING_MS = 2_000;

/** A copy of the package, a bystander and a directory, put away afterwards. */
export async function onStage<T>(
  mutation: readonly Patch[],
  { isKept, say }: Pick<ProgrammeOptions, 'isKept' | 'say'>,
  work: (stage: CaseStage) => Promise<T>,
): Promise<T> {
  const workDir = mkdtempSync(join(tmpdir(), 'hf-crash-'));
  const copy = instrument(join(workDir, 'copy'), mutation);
  const canary = await Canary.start(workDir);
  try {
    return await work({ copy, workDir, canary, isKept, leavingMs: LEAVING_MS });
  } finally {
    canary.end();
    if (isKept) say(`kept in ${workDir}`);
    else rmSync(workDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** All of them, `jobs` at a time, in the order in which they were given. */
export async function playAll(
  cases: readonly CaseSpec[],
  stage: CaseStage,
  { jobs, say }: Pick<ProgrammeOptions, 'jobs' | 'say'>,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  await sideBySide(cases, jobs, async (spec, index) => {
    const result = await runCase(spec, stage);
    results[index] = result;
    for (const { kind, text } of result.faults) say(`${kind} ${spec.axis} ${spec.id}: ${text}`);
  });
  return results;
}

/** What each mutant was caught by; one that got through is `survived`. */
export async function tryMutants(
  mutants: readonly Mutant[],
  options: Pick<ProgrammeOptions, 'isKept' | 'jobs' | 'say'>,
): Promise<ReadonlyMap<string, string>> {
  const verdicts = new Map<string, string>();
  for (const { name, patches, breaks, cases } of mutants) {
    const quiet = { ...options, say: () => undefined };
    const results = await onStage(patches, options, (stage) =>
      playAll(cases.map(readCase), { ...stage, leavingMs: MUTANT_LEAVING_MS }, quiet),
    );
    const caught = results.flatMap(({ spec, faults }) =>
      faults.filter(({ kind }) => kind === breaks).map(({ text }) => `${spec.id}: ${text}`),
    );
    verdicts.set(name, caught[0] ?? SURVIVED);
    options.say(`${name}: ${verdicts.get(name)}`);
  }
  return verdicts;
}

export const SURVIVED = 'survived';

/** The case that a word describes, see `planText`. Throws for one that cannot be played. */
export function readCase(id: string): CaseSpec {
  const { workload: name, plan } = parsePlan(id);
  const workload = WORKLOADS.find((known) => known === name);
  if (workload === undefined) throw new Error(`'${name}' is none of: ${WORKLOADS.join(' ')}`);
  const known = [RIG, ...crashPoints()];
  const strange = plan.find(({ point }) => !known.includes(point));
  if (strange !== undefined) throw new Error(`there is no crash point ${strange.point}`);
  return { id, axis: 'case', workload, plan };
}

export function isAxis(name: string): name is Axis {
  return AXES.some((axis) => axis === name);
}
