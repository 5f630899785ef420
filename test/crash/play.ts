/** The agents of one case: started again whenever one ends, and hurt as the plan says, until everything is done. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CaseSpec, CaseStage } from './case.ts';
import type { Fault } from './fault.ts';
import { arrivals, landed, RIG, strikerOf, type CasePlaces } from './plan.ts';
import { send, statOf } from './processes.ts';
import { strikeFromOutside } from './rig-strikes.ts';
import { workload } from './workloads.ts';

/** How long a case may take from its last strike to its end. Generous: what counts is that it ends. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 8;
const MOST_LIVES = 12;
const ALONE_MS = 6_000;

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
  #aloneSince: number | undefined;

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
        if (!this.#isLeftAlone()) this.agent = this.startLife();
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

  /** Until an executor host has seen to the output, or has had the time for it. */
  #isLeftAlone(): boolean {
    const { workload: name } = this.#spec;
    const { isLeftAlone } = workload(name, this.places, this.#stage.copy.witness);
    if (isLeftAlone !== true || this.lives === 0) return false;
    this.#aloneSince ??= performance.now();
    const isSeenTo = arrivals(this.places).has('executor.heir.handed');
    if (!isSeenTo && performance.now() - this.#aloneSince < ALONE_MS) return true;
    this.#aloneSince = undefined;
    return false;
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
