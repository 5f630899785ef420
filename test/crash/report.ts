/** What a run of the matrix has shown, in the form that all programmes share. */
import { execFileSync } from 'node:child_process';
import { PACKAGE_VERSION } from '../../src/version.ts';
import { AXES } from './axes.ts';
import type { CaseResult } from './case.ts';
import { FAULT_KINDS, type FaultKind } from './fault.ts';
import { SURVIVED, type Programme } from './programme.ts';

export interface Failure {
  /** A word that repeats the case: `npm run crash -- --case WORD`. */
  readonly case: string;
  readonly text: string;
  readonly seed: number;
}

export interface ProgrammeReport {
  readonly subject: string;
  readonly seed: number;
  readonly version: string;
  readonly commit: string;
  readonly figures: Readonly<Record<string, number>>;
  readonly controls: Readonly<Record<string, string>>;
  readonly failures: readonly Failure[];
  readonly tookMs: number;
}

export function reportOf(
  { results, unreached, points }: Programme,
  verdicts: ReadonlyMap<string, string>,
  { seed, tookMs }: { readonly seed: number; readonly tookMs: number },
): ProgrammeReport {
  const survivors = [...verdicts].filter(([, verdict]) => verdict === SURVIVED);
  return {
    subject: 'crash',
    seed,
    version: PACKAGE_VERSION,
    commit: headCommit(),
    figures: {
      ...tally(results),
      'crash points': points,
      'crash points never reached': unreached.length,
      ...Object.assign({}, ...['census', ...AXES].map((axis) => axisFigures(axis, results))),
    },
    controls: Object.fromEntries(verdicts),
    failures: [
      ...results.flatMap(({ spec, faults }) =>
        faults.map(({ kind, text }) => ({ case: spec.id, text: `${kind}: ${text}`, seed })),
      ),
      ...unreached.map((name) => ({ case: name, text: 'this point was never reached', seed })),
      ...survivors.map(([name]) => ({ case: name, text: 'this mutant was not noticed', seed })),
    ],
    tookMs,
  };
}

function tally(results: readonly CaseResult[]): Record<string, number> {
  const strikes = results.flatMap(({ spec, landed }) => spec.plan.slice(0, landed));
  const faults = results.flatMap((result) => result.faults);
  const ofKind = (kind: FaultKind): number => faults.filter((fault) => fault.kind === kind).length;
  const kinds = Object.keys(FAULT_KINDS) as FaultKind[];
  return {
    cases: results.length,
    'faults injected': strikes.length,
    'kills landed': strikes.filter(({ action }) => action.startsWith('kill')).length,
    'agents started': results.reduce((sum, { lives }) => sum + lives, 0),
    ...Object.fromEntries(kinds.map((kind) => [`${kind}: ${FAULT_KINDS[kind]}`, ofKind(kind)])),
  };
}

function axisFigures(axis: string, results: readonly CaseResult[]): Record<string, number> {
  const own = results.filter(({ spec }) => spec.axis === axis);
  if (own.length === 0) return {};
  return {
    [`${axis}.cases`]: own.length,
    [`${axis}.landed`]: own.filter(({ spec, landed }) => landed === spec.plan.length).length,
    [`${axis}.faulty`]: own.filter(({ faults }) => faults.length > 0).length,
  };
}

export function headCommit(): string {
  return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
}
