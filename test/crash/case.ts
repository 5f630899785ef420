/** One case: a fresh data directory, a plan of what goes wrong in it, and what is wrong afterwards. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Canary } from './canary.ts';
import { faultsOf, type Fault } from './fault.ts';
import { harmOf } from './harm.ts';
import type { InstrumentedCopy } from './instrument.ts';
import { arrivals, landed, placesOf, type CasePlaces, type Strike, writePlan } from './plan.ts';
import { Play } from './play.ts';
import { killAtOnce, processesOf } from './processes.ts';
import { findFaults } from './verdict.ts';
import type { WorkloadName } from './workloads.ts';

export interface CaseSpec {
  /** What `planText` says of it: enough to repeat it. */
  readonly id: string;
  readonly axis: string;
  readonly workload: WorkloadName;
  readonly plan: readonly Strike[];
}

export interface CaseResult {
  readonly spec: CaseSpec;
  /** Strikes that landed; the others were never reached. */
  readonly landed: number;
  readonly lives: number;
  readonly reached: ReadonlyMap<string, number>;
  readonly faults: readonly Fault[];
  readonly tookMs: number;
}

/** What all cases of a run share. */
export interface CaseStage {
  readonly copy: InstrumentedCopy;
  readonly workDir: string;
  readonly canary: Canary;
  /** The directories of the cases stay when they are over. */
  readonly isKept: boolean;
  /** How long what is left after the last agent may take to end by itself. */
  readonly leavingMs: number;
}

let played = 0;

/** A look at the whole process table costs milliseconds. */
const LOOK_AGAIN_MS = 60;

export async function runCase(spec: CaseSpec, stage: CaseStage): Promise<CaseResult> {
  const began = performance.now();
  played += 1;
  const places = placesOf(join(stage.workDir, `c${played}`));
  mkdirSync(places.caseDir, { recursive: true });
  writePlan(places, spec.plan);
  mkdirSync(places.dataDir, { mode: 0o711 });
  const play = new Play(spec, places, stage);
  const faults: Fault[] = [];
  try {
    faults.push(...(await play.toTheEnd()), ...(await leftAlive(spec, places, stage)));
    faults.push(...(await findFaults(spec, places, stage)));
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    faults.push({ kind: 'rig', text });
  } finally {
    await scrap(places);
  }
  const tookMs = Math.round(performance.now() - began);
  const { lives } = play;
  const result = {
    spec,
    lives,
    faults,
    tookMs,
    landed: landed(places),
    reached: arrivals(places),
  };
  if (stage.isKept) writeFileSync(join(places.caseDir, 'case'), `${spec.id}\n`);
  else rmSync(places.caseDir, { recursive: true, force: true, maxRetries: 5 });
  return result;
}

/** What still lives some time after the agent has closed in order: nothing may. */
async function leftAlive(
  { plan }: CaseSpec,
  { caseDir }: CasePlaces,
  { leavingMs }: CaseStage,
): Promise<readonly Fault[]> {
  const { keepsOutput } = harmOf(plan);
  const until = performance.now() + leavingMs;
  for (;;) {
    const left = processesOf(caseDir).filter(({ role }) => !keepsOutput || role !== 'logmon');
    if (left.length === 0) return [];
    if (performance.now() > until) {
      return faultsOf(
        'orphan',
        left.map(({ pid, role, words }) => `${role} ${pid} is still alive: ${words}`),
      );
    }
    await delay(LOOK_AGAIN_MS);
  }
}

async function scrap({ caseDir }: CasePlaces): Promise<void> {
  for (let tries = 0; tries < 20; tries += 1) {
    const left = processesOf(caseDir);
    if (left.length === 0) return;
    killAtOnce(left);
    await delay(20);
  }
}
