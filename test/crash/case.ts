/** One case: a fresh data directory, an agent that is started again whenever it ends, and a plan of what goes wrong. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, closeSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Canary } from './canary.ts';
import { harmOf } from './harm.ts';
import { faultsOf, type Fault } from './fault.ts';
import type { InstrumentedCopy } from './instrument.ts';
import {
  arrivals,
  landed,
  placesOf,
  RIG,
  type CasePlaces,
  type Strike,
  strikerOf,
  writePlan,
} from './plan.ts';
import { killAtOnce, processesOf, send, statOf } from './processes.ts';
import { strikeFromOutside } from './rig-strikes.ts';
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
}

let played = 0;

/** How long a case may take from its last strike to its end. Generous: what counts is that it ends. */
const PATIENCE_MS = 60_000;
/** Hosts that nobody needs end by themselves some seconds later. */
const LEAVING_MS = 15_000;
const LOOK_MS = 8;
const MOST_LIVES = 12;

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
    faults.push(...(await play.toTheEnd()), ...(await leftAlive(spec, places)));
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

export class Play {
  readonly places: CasePlaces;
  readonly #spec: CaseSpec;
  readonly #stage: CaseStage;
  /** The agent that counts; one that was replaced lives on until it notices. */
  agent: ChildProcess | undefined;
  lives = 0;
  readonly faults: Fault[] = [];
  #handled = 0;
  #isNested = false;

  constructor(spec: CaseSpec, places: CasePlaces, stage: CaseStage) {
    this.#spec = spec;
    this.places = places;
    this.#stage = stage;
  }

  /** Starts an agent as often as one ends, lands what the rig has to land, until everything is done. */
  async toTheEnd(): Promise<readonly Fault[]> {
    let since = performance.now();
    for (let seen = 0; !existsSync(this.places.doneFile) || this.#lives(this.agent);) {
      if (!this.#lives(this.agent)) {
        if (this.lives >= MOST_LIVES) return this.#stuck(`the agent ended ${MOST_LIVES} times`);
        this.agent = this.startLife();
      }
      this.#nestBystander();
      const count = landed(this.places);
      if (count > seen) since = performance.now();
      seen = count;
      await this.#land(count);
      if (performance.now() - since > PATIENCE_MS) {
        return this.#stuck(`nothing came to an end in ${PATIENCE_MS} ms`);
      }
      await delay(LOOK_MS);
    }
    return this.faults;
  }

  #stuck(text: string): readonly Fault[] {
    return [...this.faults, { kind: 'stuck', text }];
  }

  /** Once it is known whose directory this is: an agent without an identity would believe the files of the runs. */
  #nestBystander(): void {
    if (this.#isNested || !existsSync(join(this.places.dataDir, 'state', 'instance.json'))) return;
    this.#stage.canary.nestIn(this.places.dataDir);
    this.#isNested = true;
  }

  #lives(child: ChildProcess | undefined): boolean {
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  startLife(): ChildProcess {
    const { copy } = this.#stage;
    this.lives += 1;
    const log = openSync(join(this.places.caseDir, 'agent.err'), 'a');
    const args = [copy.life, this.places.dataDir, this.#spec.workload];
    const child = spawn(process.execPath, ['--max-semi-space-size=1', ...args], {
      stdio: ['ignore', log, log],
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        XDG_CACHE_HOME: copy.cacheDir,
        NODE_COMPILE_CACHE: join(copy.cacheDir, 'life'),
      },
    });
    closeSync(log);
    return child;
  }

  /** Continues what was stopped, and strikes where it is the rig's turn. */
  async #land(count: number): Promise<void> {
    for (; this.#handled < count; this.#handled += 1) {
      const strike = this.#spec.plan[this.#handled];
      if (strike?.action === 'stop') void this.#continue(this.#handled, strike.ms);
    }
    const next = this.#spec.plan[count];
    if (next?.point !== RIG) return;
    if (this.#spec.plan[count - 1]?.action === 'stop') await this.#stopped(count - 1);
    await delay(next.ms);
    await strikeFromOutside(this, next.action, count, this.#stage);
  }

  /** It says that it strikes before it does: continued too early, it would stop afterwards. */
  async #stopped(index: number): Promise<void> {
    for (let tries = 0; tries < 500; tries += 1) {
      const pid = strikerOf(this.places, index);
      const state = pid === undefined ? 'R' : statOf(pid)?.state;
      if (state === undefined || state === 'T') return;
      await delay(LOOK_MS);
    }
  }

  async #continue(index: number, afterMs: number): Promise<void> {
    await delay(afterMs, undefined, { ref: false });
    await this.#stopped(index);
    const pid = strikerOf(this.places, index);
    if (pid !== undefined) send(pid, 'SIGCONT');
  }
}

/** What still lives some time after the agent has closed in order: nothing may. */
async function leftAlive({ plan }: CaseSpec, { caseDir }: CasePlaces): Promise<readonly Fault[]> {
  const { keepsOutput } = harmOf(plan);
  const until = performance.now() + LEAVING_MS;
  for (;;) {
    const left = processesOf(caseDir).filter(({ role }) => !keepsOutput || role !== 'logmon');
    if (left.length === 0) return [];
    if (performance.now() > until) {
      return faultsOf(
        'orphan',
        left.map(({ pid, role, words }) => `${role} ${pid} is still alive: ${words}`),
      );
    }
    await delay(25);
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
