/**
 * The executor as an actor of the agent: launches, watches and ends runs through whatever host has them. What a host
 * says is the fast path; when a host is lost, the run's own files decide.
 */
import { HoldfastError, isRetryable } from '../errors.ts';
import type {
  ExecutorDoor,
  ProgramWish,
  RunOutcome,
  RunRequest,
  RunSighting,
  StartOutcome,
  StopOutcome,
} from '../drivers/driver.ts';
import type { StopStep } from '../machines/kill-policy.ts';
import { decideStart } from '../machines/start-decision.ts';
import { markOf } from '../os/launch-key.ts';
import { executorMethods as service } from '../rpc/executor-methods.ts';
import { call, follow } from '../rpc/framed-client.ts';
import type { FollowResponse } from '../rpc/gen/holdfast/executor/v1/executor.ts';
import type { RunCgroups } from './run-cgroups.ts';
import type { HostPool, PooledHost } from './host-pool.ts';
import { untilNextLook } from './look-again.ts';
import { RunOutcomes } from './run-outcomes.ts';
import { lookAtRun } from './run-sighting.ts';
import { fromExit, fromLaunch, fromStop, refusedFor, toLaunch, toSteps } from './executor-words.ts';

export interface ExecutorDoors {
  readonly pool: HostPool;
  readonly stateDir: string;
  readonly instanceId: string;
  readonly agentEpoch: number;
  readonly machineEpoch: string;
  readonly cgroups: RunCgroups;
}

type Reports = AsyncGenerator<FollowResponse, void>;

/** A launch answers when the program runs; the margin covers a machine that is very busy. */
const LAUNCH_DEADLINE_MS = 60_000;
const CALL_DEADLINE_MS = 10_000;
/** A stop takes as long as its plan; this is added for the proof that nothing lives. */
const STOP_MARGIN_MS = 30_000;

export class Executor implements ExecutorDoor {
  readonly #doors: ExecutorDoors;
  readonly #outcomes = new RunOutcomes();
  /** What a live host watches. */
  readonly #watched = new Set<string>();
  /** What this agent launched or adopted. */
  readonly #own = new Set<string>();

  constructor(doors: ExecutorDoors) {
    this.#doors = doors;
  }

  /** Called by the pool for every host that comes up: hears its reports, and has it adopt what a dead host left. */
  async greet(host: PooledHost, adopted: readonly string[], signal: AbortSignal): Promise<number> {
    // One that is only placed is being launched: whoever launches it looks again by itself.
    const begun = adopted.filter((key) => this.#watched.delete(key));
    const reports = this.#reportsOf(host, signal);
    // A connection that ends right then is no reason never to hear of this host's runs: it is followed again.
    const first = await reports.next().catch((error: unknown) => {
      if (!isRetryable(error)) throw error;
    });
    if (first !== undefined) {
      if (first.done === true) return 0;
      this.#note(host, first.value);
    }
    void this.#listen(host, reports, signal);
    await Promise.all(begun.map((key) => this.#rescue(key, signal)));
    return adopted.length;
  }

  #reportsOf(host: PooledHost, signal: AbortSignal): Reports {
    const request = { agentEpoch: this.#doors.agentEpoch };
    return follow(host.host.channel, service.follow, request, { signal });
  }

  /** A host that is gone is replaced by the pool, which hands its runs over; one that lives on is followed again. */
  async #listen(host: PooledHost, first: Reports, signal: AbortSignal): Promise<void> {
    for (let reports = first; ; reports = this.#reportsOf(host, signal)) {
      try {
        for await (const report of reports) this.#note(host, report);
      } catch (error) {
        if (HoldfastError.is(error) && !error.retryable) return;
      }
      await untilNextLook(signal);
      if (signal.aborted || !host.isLive) return;
    }
  }

  #note(host: PooledHost, { launchKey, report }: FollowResponse): void {
    if (report?.$case === 'ready') {
      for (const key of report.value.launchKeys) {
        this.#doors.pool.note(key, host);
        this.#watched.add(key);
      }
      return;
    }
    // A run that has ended is still the host's until it is told to forget it.
    this.#doors.pool.note(launchKey, host);
    if (report?.$case === 'exit') {
      this.#outcomes.settle(launchKey, fromExit(report.value));
    } else if (report?.$case === 'lost') {
      this.#outcomes.settle(launchKey, { ...report.value, kind: 'lost' });
    }
  }

  /** A run whose host died: the new host watches it, or its files say how it ended. Tried until one is so. */
  async #rescue(key: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#outcomes.has(key)) {
      try {
        if (await this.#adopt(key, signal)) return;
        const { evidence, outcome } = this.#look(key);
        if (outcome !== undefined) return this.#outcomes.settle(key, outcome);
        const verdict = decideStart('started', evidence);
        if (verdict.act === 'recordLost') {
          // What this agent neither started nor adopted may be about to start: whoever is at it looks by himself.
          if (this.#own.has(key)) this.#outcomes.settle(key, { ...verdict, kind: 'lost' });
          return;
        }
      } catch (error) {
        // The host may be gone or busy: the same question may be answered later.
        if (!isRetryable(error)) throw error;
      }
      await untilNextLook(signal);
    }
  }

  async launch(run: RunRequest, program: ProgramWish, signal: AbortSignal): Promise<StartOutcome> {
    const { launchKey } = run;
    const { cgroups, agentEpoch } = this.#doors;
    const missing = cgroups.whyNot(program.confinement ?? {});
    if (missing !== undefined) return refusedFor(missing);
    const host = await this.#doors.pool.place(launchKey);
    const request = toLaunch(run, program, { agentEpoch, cgroup: cgroups.pathFor(launchKey) });
    const options = { deadlineMs: LAUNCH_DEADLINE_MS, signal };
    // crash point: agent.launch.asked
    const answer = await call(host.host.channel, service.launch, request, options);
    // crash point: agent.launch.answered
    const outcome = fromLaunch(answer);
    if (outcome.kind !== 'started') {
      this.#doors.pool.forget(launchKey);
      this.#outcomes.forget(launchKey);
      return outcome;
    }
    this.#watched.add(launchKey);
    this.#own.add(launchKey);
    return outcome;
  }

  async inspect(run: RunRequest): Promise<RunSighting> {
    return this.#look(run.launchKey, run.machineEpoch);
  }

  #look(launchKey: string, runEpoch?: string): RunSighting {
    const { stateDir, machineEpoch, instanceId } = this.#doors;
    const mark = markOf(instanceId, launchKey);
    const cgroup = this.#doors.cgroups.pathOf(launchKey);
    return lookAtRun(stateDir, machineEpoch, { launchKey, mark, cgroup, runEpoch });
  }

  isOwn(launchKey: string): boolean {
    return this.#own.has(launchKey);
  }

  async adopt(run: RunRequest, signal: AbortSignal): Promise<boolean> {
    this.#own.add(run.launchKey);
    return this.#watched.has(run.launchKey) || (await this.#adopt(run.launchKey, signal));
  }

  async #adopt(launchKey: string, signal: AbortSignal): Promise<boolean> {
    const { pool, agentEpoch } = this.#doors;
    const host = await pool.place(launchKey);
    const options = { deadlineMs: CALL_DEADLINE_MS, signal };
    const request = { agentEpoch, launchKey };
    const { watching } = await call(host.host.channel, service.adopt, request, options);
    // crash point: agent.adopt.answered
    if (watching) this.#watched.add(launchKey);
    return watching;
  }

  wait(run: RunRequest, signal: AbortSignal): Promise<RunOutcome> {
    return this.#outcomes.wait(run.launchKey, signal);
  }

  async stop(
    run: Pick<RunRequest, 'launchKey'>,
    plan: readonly StopStep[],
    signal: AbortSignal,
  ): Promise<StopOutcome> {
    const { pool, agentEpoch } = this.#doors;
    const host = await pool.place(run.launchKey);
    // crash point: agent.stop.asked
    const deadlineMs = plan.reduce((sum, step) => sum + step.waitMs, STOP_MARGIN_MS);
    const request = { agentEpoch, launchKey: run.launchKey, steps: toSteps(plan) };
    return fromStop(await call(host.host.channel, service.stop, request, { deadlineMs, signal }));
  }

  async signal(run: RunRequest, signal: string): Promise<boolean> {
    const { pool, agentEpoch } = this.#doors;
    const host = await pool.place(run.launchKey);
    const request = { agentEpoch, launchKey: run.launchKey, signal };
    const options = { deadlineMs: CALL_DEADLINE_MS };
    return (await call(host.host.channel, service.signal, request, options)).delivered;
  }

  release(run: RunRequest): Promise<void> {
    return this.#forget(run.launchKey);
  }

  /** Ended runs of earlier agents that no task is about any more: an agent died before it could release them. */
  async forgetOthers(current: ReadonlySet<string>): Promise<void> {
    const others = this.#outcomes.keys.filter((key) => !current.has(key));
    await Promise.all(others.map((key) => this.#forget(key)));
  }

  async #forget(launchKey: string): Promise<void> {
    const { pool, agentEpoch } = this.#doors;
    const host = pool.hostOf(launchKey);
    pool.forget(launchKey);
    this.#watched.delete(launchKey);
    this.#own.delete(launchKey);
    this.#outcomes.forget(launchKey);
    if (host === undefined || !host.isLive) return;
    const request = { agentEpoch, launchKey };
    // crash point: agent.release.asked
    await call(host.host.channel, service.forget, request, { deadlineMs: CALL_DEADLINE_MS });
  }
}
