import { HoldfastError } from '../../errors.ts';
import { markOf } from '../../os/launch-key.ts';
import { isAlive } from '../../os/process-identity.ts';
import { programByMark, signalProcess } from '../../os/process-tree.ts';
import { launchedShim, readFate, readIntent, runDirectory } from '../../os/run-directory.ts';
import { EXECUTOR_PROTOCOL } from '../../rpc/executor-methods.ts';
import type { CollectRequest } from '../../rpc/gen/holdfast/logmon/v1/logmon.ts';
import type * as wire from '../../rpc/gen/holdfast/executor/v1/executor.ts';
import type { HostContext } from '../../rpc/host-main.ts';
import { cgroupOfFound, isProvedEmpty, putCgroupAway, putInstanceAway } from './run-cgroup.ts';
import { forgetContainer } from './container.ts';
import { fifosOf, HeldFifos } from './held-fifos.ts';
import { assertSignal } from '../sessions/assert-signal.ts';
import { Forgotten } from '../sessions/forgotten.ts';
import { launch, type ShimSource } from './launch.ts';
import { neglectedOutput } from './neglected.ts';
import { Reports } from './reports.ts';
import { Run } from './run.ts';
import { runSampler } from './run-sampler.ts';
import { statsFor } from './stats.ts';
import { executed, identified, stopTree } from './stop.ts';
import { isOfAnotherEpoch, stopByMark, stopUnlaunched } from './stop-unwatched.ts';
import { type SessionChildren, Watch } from './watch.ts';

type HostFacts = Pick<HostContext, 'stateDir' | 'hostId' | 'version' | 'instanceId' | 'end'>;

/** The runs of one host and what may be asked of them; the comments of executor.proto hold. */
export class ExecutorHost {
  readonly #facts: HostFacts;
  readonly #source: ShimSource;
  readonly #runs = new Map<string, Run>();
  readonly #launches = new Map<string, Promise<wire.LaunchResponse>>();
  readonly #forgotten = new Forgotten();
  readonly #reports = new Reports();
  readonly #fifos = new HeldFifos();
  readonly #sampler = runSampler(this.#runs);
  readonly #watch: Watch;

  constructor(facts: HostFacts, source: ShimSource) {
    this.#facts = facts;
    this.#source = source;
    this.#watch = new Watch(source.machineEpoch, (run) => this.#reports.tell(run));
  }

  get stateDir(): string {
    return this.#facts.stateDir;
  }

  /** How output is collected that nobody collects now. */
  neglected(): readonly CollectRequest[] {
    return neglectedOutput(this.#runs.values(), this.#fifos);
  }

  /** Pids of commands beside programs, which their sessions count. */
  get sessionChildren(): SessionChildren {
    return this.#watch;
  }

  /** A run of this host whose program lives. */
  livingRun(launchKey: string): Run | undefined {
    const run = this.#runs.get(launchKey);
    if (run?.program === undefined || run.end !== undefined) return undefined;
    return isAlive(run.program, this.#source.machineEpoch) === 'dead' ? undefined : run;
  }

  /** Runs that have not ended. */
  busyWith(): number {
    let living = this.#launches.size;
    for (const run of this.#runs.values()) if (run.end === undefined) living += 1;
    return living;
  }

  hello(request: wire.HelloRequest): wire.HelloResponse {
    if (request.instanceId !== this.#facts.instanceId) {
      throw new HoldfastError('PERMISSION_DENIED', 'this host belongs to another data directory');
    }
    const { hostId, version } = this.#facts;
    const runs = this.busyWith();
    return { hostId, protocol: EXECUTOR_PROTOCOL, version, pid: process.pid, runs };
  }

  async launch(request: wire.LaunchRequest): Promise<wire.LaunchResponse> {
    const key = request.launchKey;
    const dir = runDirectory(this.#facts.stateDir, key);
    if (this.#forgotten.has(key) && readFate(dir).is === 'absent') {
      return { outcome: { $case: 'aborted', value: {} } };
    }
    const run = this.#runOf(key, request.mark);
    this.#fifos.hold(key, [request.stdoutFifo, request.stderrFifo]);
    const running = this.#launches.get(key) ?? launch(run, request, this.#source, this.#watch);
    this.#launches.set(key, running);
    try {
      const response = await running;
      // crash point: executor.launch.answered
      if (response.outcome?.$case !== 'started') this.#drop(key);
      return response;
    } finally {
      this.#launches.delete(key);
    }
  }

  adopt(request: wire.AdoptRequest): wire.AdoptResponse {
    const known = this.#runs.get(request.launchKey);
    if (known !== undefined) return { watching: known.end === undefined };
    // crash point: executor.adopt.before
    const run = this.#takeUp(request.launchKey);
    // crash point: executor.adopt.done
    return { watching: run !== undefined && run.end === undefined };
  }

  async stop(request: wire.StopRequest): Promise<wire.StopResponse> {
    for (const step of request.steps) assertSignal(step.signal);
    const dir = runDirectory(this.#facts.stateDir, request.launchKey);
    if (isOfAnotherEpoch(dir, this.#source)) return { outcome: { $case: 'ended', value: {} } };
    const fate = readFate(dir);
    const isLaunched = launchedShim(fate) !== undefined;
    if (!isLaunched && this.#runs.get(request.launchKey)?.program === undefined) {
      return this.#stopUnlaunched(request, dir);
    }
    const run = this.#runs.get(request.launchKey) ?? this.#takeUp(request.launchKey);
    if (run === undefined) return stopByMark(request, dir, this.#source);
    await identified(run, this.#watch, this.#launches.get(request.launchKey));
    if (this.#isEmpty(run)) return { outcome: { $case: 'ended', value: {} } };
    // crash point: executor.stop.asked
    await executed(run, this.#source.script);
    return stopTree(run, request.steps, this.#source.machineEpoch);
  }

  /** A shim of another host may be on its way: what its program writes is kept, for as long as that cannot be told. */
  async #stopUnlaunched(request: wire.StopRequest, dir: string): Promise<wire.StopResponse> {
    const { launchKey } = request;
    const intent = readIntent(dir);
    if (intent.is === 'whole') {
      this.#fifos.hold(launchKey, fifosOf(this.#facts.stateDir, intent.value));
    }
    const answer = await stopUnlaunched(request, dir, this.#source);
    if (answer.outcome?.$case === 'aborted') this.#fifos.release(launchKey);
    return answer;
  }

  /**
   * Proved without a scan of the process table, which takes milliseconds, at the end of every run: what a program of a
   * shim of ours leaves behind becomes our child, and stays in the cgroup of its run.
   */
  #isEmpty(run: Run): boolean {
    const isOver = run.ownShim === undefined && run.end?.is === 'exited';
    if (!isOver) return false;
    if (isProvedEmpty(run.cgroup)) return true;
    if (run.startedShim === undefined) return false;
    const winner = launchedShim(readFate(run.dir));
    return winner?.pid === run.startedShim && this.#watch.strays()?.length === 0;
  }

  async signal(request: wire.SignalRequest): Promise<wire.SignalResponse> {
    const signal = assertSignal(request.signal);
    const run = this.#runs.get(request.launchKey);
    if (run === undefined) {
      throw new HoldfastError('NOT_FOUND', 'this host does not watch that run');
    }
    await executed(run, this.#source.script);
    const { program } = run;
    const delivered =
      program !== undefined && signalProcess(program, this.#source.machineEpoch, signal);
    return { delivered };
  }

  follow(signal: AbortSignal): AsyncGenerator<wire.FollowResponse> {
    return this.#reports.follow([...this.#runs.values()], signal);
  }

  stats(request: wire.StatsRequest, signal: AbortSignal): AsyncGenerator<wire.StatsResponse> {
    return statsFor(request, this.#sampler, signal);
  }

  forget(request: wire.ForgetRequest): wire.ForgetResponse {
    const run = this.#runs.get(request.launchKey);
    if (run !== undefined && run.end === undefined) {
      throw new HoldfastError('WRONG_STATE', 'the run goes on and is still watched');
    }
    // crash point: executor.forget
    this.#drop(request.launchKey);
    forgetContainer(runDirectory(this.#facts.stateDir, request.launchKey));
    return {};
  }

  #drop(key: string): void {
    putCgroupAway(this.#runs.get(key)?.cgroup ?? '');
    this.#forgotten.add(key);
    this.#runs.delete(key);
    if (this.#runs.size === 0) putInstanceAway(this.#facts.instanceId);
    this.#fifos.release(key);
  }

  shutdown(): wire.ShutdownResponse {
    // crash point: executor.shutdown
    const runs = this.busyWith();
    if (runs === 0) this.#facts.end('the agent asked for it');
    return { runs };
  }

  #runOf(key: string, mark: string): Run {
    const known = this.#runs.get(key);
    if (known !== undefined) return known;
    const run = new Run(key, runDirectory(this.#facts.stateDir, key), mark);
    this.#runs.set(key, run);
    return run;
  }

  /**
   * A run that another host began, or undefined when its directory names none that was launched. Without an intent it
   * is of this machine epoch, as whoever asks has made out, and carries the mark that its key tells; its FIFOs are held
   * by its own program only.
   */
  #takeUp(key: string): Run | undefined {
    const dir = runDirectory(this.#facts.stateDir, key);
    const fate = readFate(dir);
    const intent = readIntent(dir);
    const { instanceId } = this.#facts;
    const { machineEpoch } = this.#source;
    if (intent.is === 'unreadable') return undefined;
    const told = intent.is === 'whole' ? intent.value : undefined;
    if (told !== undefined && told.machineEpoch !== machineEpoch) return undefined;
    const mark = told?.mark ?? markOf(instanceId, key);
    const isLaunched =
      launchedShim(fate) !== undefined ||
      (fate.is === 'broken' && programByMark(mark, machineEpoch) !== 'none');
    if (!isLaunched) return undefined;
    const run = this.#runOf(key, mark);
    run.cgroup = cgroupOfFound(told, instanceId, key);
    if (told !== undefined) this.#fifos.hold(key, fifosOf(this.#facts.stateDir, told));
    this.#watch.takeUp(run);
    return run;
  }
}
