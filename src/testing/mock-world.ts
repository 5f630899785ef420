/**
 * The world of the mock driver: the programs that "run". It belongs to the test, not to an agent, so it goes on when
 * an orchestrator is closed with `leave` or dies, and the next one finds in it what a real machine would show.
 */
import type { RunOutcome, RunRequest, RunSighting } from '../drivers/driver.ts';
import type { Evidence } from '../machines/start-decision.ts';
import type { ExitFacts, ProcessFacts } from '../machines/task-messages.ts';
import type { Clock } from '../ports.ts';
import { durationMs } from '../spec/duration.ts';
import type { MockConfig } from './mock-config.ts';

/** One run of one task, as the world knows it. */
export interface MockRun {
  readonly launchKey: string;
  readonly allocId: string;
  readonly task: string;
  readonly run: number;
  readonly config: MockConfig;
  readonly env: Readonly<Record<string, string>>;
  fate: 'none' | 'launch' | 'abort';
  process: ProcessFacts | undefined;
  outcome: RunOutcome | undefined;
  /** What was sent to it by `signal`. */
  readonly signals: string[];
  /** How many programs were begun for it: never more than one, or a driver broke its contract. */
  starts: number;
  /** How often it was looked at, and how often it was to be stopped. */
  looks: number;
  stops: number;
  /** What it has used by now: for a test to set. */
  usedNs: number;
  readonly ended: PromiseWithResolvers<RunOutcome>;
}

const NOTHING: Evidence = {
  epoch: 'same',
  dir: 'none',
  claim: 'none',
  fate: 'none',
  exit: 'none',
  tree: 'dead',
};

export class MockWorld {
  readonly clock: Clock;
  /** Ids of the volumes that there are. */
  readonly volumes = new Set<string>();
  readonly #runs = new Map<string, MockRun>();
  /** Starts refused so far, by task. */
  readonly #refusals = new Map<string, number>();
  #epoch = 1;
  #lastPid = 100_000;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Every run that was ever asked for, oldest first; those of one task when it is named. */
  runs(task?: string): readonly MockRun[] {
    return [...this.#runs.values()].filter((run) => task === undefined || run.task === task);
  }

  /** The newest run of a task. */
  newest(task: string): MockRun {
    const found = this.runs(task).at(-1);
    if (found === undefined) throw new Error(`nothing of task "${task}" was ever asked for`);
    return found;
  }

  get living(): readonly MockRun[] {
    return this.runs().filter((run) => isLiving(run));
  }

  /** Ends a program by itself. */
  exit(task: string, exit: Partial<ExitFacts> = {}): void {
    this.finish(this.newest(task), {
      kind: 'exited',
      exit: {
        exitCode: exit.signal === undefined ? 0 : null,
        signal: null,
        oomKilled: false,
        exitedAt: this.clock.now(),
        ...exit,
      },
    });
  }

  /** Ends a program without a trace of how. */
  lose(task: string): void {
    this.finish(this.newest(task), { kind: 'lost', reason: LOST, maybeRan: true });
  }

  /** The machine goes down and comes up: every program is gone, and no identity of before means anything. */
  reboot(): void {
    this.#epoch += 1;
    for (const run of this.living) {
      this.finish(run, { kind: 'lost', reason: 'the machine was restarted', maybeRan: true });
    }
  }

  /** The record of a run, made when it is first asked about. */
  recordOf(request: RunRequest): MockRun {
    const { launchKey, allocId, task, run, env } = request;
    const found = this.#runs.get(launchKey);
    if (found !== undefined) return found;
    const made: MockRun = {
      launchKey,
      allocId,
      task: task.name,
      run,
      config: task.config,
      env,
      fate: 'none',
      process: undefined,
      outcome: undefined,
      signals: [],
      starts: 0,
      looks: 0,
      stops: 0,
      usedNs: 0,
      ended: Promise.withResolvers(),
    };
    this.#runs.set(launchKey, made);
    return made;
  }

  begin(run: MockRun): ProcessFacts {
    const startedAt = this.clock.now();
    run.fate = 'launch';
    run.starts += 1;
    this.#lastPid += 1;
    run.process = {
      pid: this.#lastPid,
      startTime: String(startedAt),
      machineEpoch: `mock-${this.#epoch}`,
      startedAt,
    };
    const { runFor } = run.config;
    if (runFor !== undefined) {
      this.clock.at(startedAt + durationMs(runFor), () => this.#endItself(run));
    }
    return run.process;
  }

  /** Counts a refusal of this task's start; false when it has been refused often enough. */
  isRefused(run: MockRun): boolean {
    const { startError } = run.config;
    if (startError === undefined) return false;
    const task = `${run.allocId}/${run.task}`;
    const sofar = this.#refusals.get(task) ?? 0;
    if (sofar >= (startError.times ?? Number.POSITIVE_INFINITY)) return false;
    this.#refusals.set(task, sofar + 1);
    return true;
  }

  #endItself(run: MockRun): void {
    const { exitCode = 0, signal = null, lost } = run.config;
    if (lost !== undefined) return this.finish(run, { kind: 'lost', reason: lost, maybeRan: true });
    const code = signal === null ? exitCode : null;
    const exitedAt = this.clock.now();
    this.finish(run, {
      kind: 'exited',
      exit: { exitCode: code, signal, oomKilled: false, exitedAt },
    });
  }

  /** The first end of a run is its end. */
  finish(run: MockRun, outcome: RunOutcome): void {
    if (!isLiving(run)) return;
    run.outcome = outcome;
    run.ended.resolve(outcome);
  }

  /** What files and the process table of a real machine would show of a run. */
  sight(run: MockRun): RunSighting {
    run.looks += 1;
    if (run.looks <= (run.config.inspectUnknown ?? 0)) {
      return { evidence: { ...NOTHING, dir: 'whole', claim: 'unknown', tree: 'unknown' } };
    }
    if (run.fate !== 'launch') {
      const dir = run.fate === 'none' ? 'none' : 'whole';
      return { evidence: { ...NOTHING, dir, fate: run.fate } };
    }
    const { process, outcome } = run;
    const epoch = process?.machineEpoch === `mock-${this.#epoch}` ? 'same' : 'changed';
    const launched: Evidence = { ...NOTHING, epoch, dir: 'whole', fate: 'launch', claim: 'dead' };
    if (outcome === undefined) {
      return { evidence: { ...launched, claim: 'alive', tree: 'alive' }, process };
    }
    if (outcome.kind === 'lost') return { evidence: launched, process };
    return { evidence: { ...launched, exit: 'valid' }, process, outcome };
  }
}

const LOST = 'the program vanished';

export function isLiving(run: MockRun): boolean {
  return run.fate === 'launch' && run.outcome === undefined;
}
