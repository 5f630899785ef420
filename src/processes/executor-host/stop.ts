import { readFileSync } from 'node:fs';
import { HoldfastError } from '../../errors.ts';
import { killCgroup } from '../../os/cgroup-kill.ts';
import { machineCgroups } from '../../os/cgroup-layout.ts';
import { isAlive } from '../../os/process-identity.ts';
import { launchedShim, readFate } from '../../os/run-directory.ts';
import {
  scanTree,
  signalGroup,
  signalProcess,
  type TreeMember,
  type TreeScan,
} from '../../os/process-tree.ts';
import {
  type StopResponse,
  type StopStep,
  StopStep_Target as Target,
} from '../../rpc/gen/holdfast/executor/v1/executor.ts';
import { assertSignal } from '../sessions/assert-signal.ts';
import type { Run } from './run.ts';
import { isBeforeProgram } from './shim.ts';
import type { Watch } from './watch.ts';

/** First and longest pause between two looks at what should end. */
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;
/** How long a shim may take to put the exit record on disk after everything else is gone. */
const RECORD_WAIT_MS = 2_000;

/** How long a program may take from its identity to its first instruction. */
const EXEC_WAIT_MS = 1_000;

/**
 * Waits until the run's process executes the program. Before that it is a shell's child that ignores INT and QUIT: a
 * signal so early would be lost.
 */
export async function executed(run: Run, script: string): Promise<void> {
  const deadline = performance.now() + EXEC_WAIT_MS;
  while (run.program !== undefined && run.end === undefined && performance.now() < deadline) {
    const { program } = run;
    const commandLine = commandLineOf(program.pid);
    // Its shim takes its time to tell.
    if (commandLine === '' && isAlive(program, program.machineEpoch) === 'dead') return;
    // In the middle of an exec it is empty for a moment; a program may also have emptied its own.
    const isMidExec = commandLine === '' && Date.now() - program.startedAtMs < EXEC_WAIT_MS;
    if (!isMidExec && !isBeforeProgram(commandLine, script)) return;
    await run.changed(1);
  }
}

/** How long a stop waits for the identity of a program that is being started, and how often it looks. */
const IDENTITY_WAIT_MS = 2_000;
const IDENTITY_LOOK_MS = 50;

/**
 * A shim that has won may not have come to its program yet, which has no mark before it is executed: nothing could be
 * signalled, and nothing lives as far as anybody can see. A launch under way is waited for, but not one that has its
 * process and stands still on the way to the program. Throws UNAVAILABLE when it takes too long; a program that lives
 * by then has an identity that is damaged.
 */
export async function identified(
  run: Run,
  watch: Watch,
  launching: Promise<unknown> | undefined,
): Promise<void> {
  let isLaunching = launching !== undefined;
  void launching?.catch(() => undefined).then(() => (isLaunching = false));
  while (isLaunching && run.program === undefined) {
    await Promise.race([launching, run.changed(IDENTITY_LOOK_MS)]);
  }
  for (let waitedMs = 0; ; waitedMs += IDENTITY_LOOK_MS) {
    watch.noticeProgram(run);
    if (run.program !== undefined || run.end !== undefined) return;
    if (waitedMs >= IDENTITY_WAIT_MS) break;
    await run.changed(IDENTITY_LOOK_MS);
  }
  if (watch.findProgram(run) === 'alive') return;
  throw new HoldfastError('UNAVAILABLE', `the program of ${run.dir} is just being started`);
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

/**
 * Carries out a stop plan step by step, each until what it aims at is gone or its time is over, and says whether
 * anything of the run is left. For a run that has a program or had one.
 * Throws UNAVAILABLE when the process table cannot be read: it is then not known whether anything lives.
 */
export async function stopTree(
  run: Run,
  steps: readonly StopStep[],
  machineEpoch: string,
): Promise<StopResponse> {
  const tree = new StoppedTree(run, machineEpoch);
  for (const step of steps) {
    if (tree.look().length === 0) break;
    // crash point: executor.signal.before
    tree.signal(step.target, assertSignal(step.signal));
    // crash point: executor.signal.after
    await tree.waitUntilGone(step);
  }
  const left = tree.look();
  if (left.length > 0) {
    return { outcome: { $case: 'stuck', value: { pids: left.map(({ pid }) => pid) } } };
  }
  if (!tree.isComplete) {
    throw new HoldfastError('UNAVAILABLE', 'the process table cannot be read as a whole');
  }
  // crash point: executor.stop.proved
  wakeShim(run, machineEpoch);
  // A run that nobody watches has no end to wait for.
  const deadline = performance.now() + (run.program === undefined ? 0 : RECORD_WAIT_MS);
  while (run.end === undefined && performance.now() < deadline) await run.changed(LONGEST_PAUSE_MS);
  return { outcome: { $case: 'ended', value: {} } };
}

/** Somebody may have stopped it with a signal: its program is counted by nobody then, and its end is never written. */
function wakeShim(run: Run, machineEpoch: string): void {
  if (run.end !== undefined) return;
  const shim = launchedShim(readFate(run.dir));
  if (shim !== undefined) signalProcess({ ...shim, machineEpoch }, machineEpoch, 'SIGCONT');
}

/** The processes of one run while it is being stopped: what was once proved to be of it stays so. */
class StoppedTree {
  readonly #run: Run;
  readonly #machineEpoch: string;
  #scan: TreeScan;
  /** The scan was made just now and nothing has happened since. */
  #isFresh = true;

  constructor(run: Run, machineEpoch: string) {
    this.#run = run;
    this.#machineEpoch = machineEpoch;
    this.#scan = this.#rescan([]);
  }

  get isComplete(): boolean {
    return this.#scan.isComplete;
  }

  /** What lives now. Scans the table only when everything known is gone, since a scan takes milliseconds. */
  look(): readonly TreeMember[] {
    const living = this.#living();
    if (this.#isFresh || (living.length > 0 && this.isComplete)) return living;
    this.#scan = this.#rescan(this.#scan.members);
    return this.#scan.members;
  }

  signal(target: Target, signal: NodeJS.Signals): void {
    this.#isFresh = false;
    this.#scan = this.#rescan(this.#scan.members);
    const leader = this.#run.program;
    if (target === Target.LEADER) {
      if (leader !== undefined) signalProcess(leader, this.#machineEpoch, signal);
      return;
    }
    const wanted = this.#aimedAt(target);
    if (target === Target.TREE && signal === 'SIGKILL') this.#killCgroup();
    const isGroupDone =
      target === Target.GROUP &&
      leader !== undefined &&
      signalGroup(leader, this.#machineEpoch, signal);
    if (isGroupDone) return;
    for (const member of wanted) signalProcess(member, this.#machineEpoch, signal);
  }

  async waitUntilGone(step: StopStep): Promise<void> {
    const deadline = performance.now() + step.waitMs;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      const isGone = this.look().length === 0 || this.#aimedAt(step.target).length === 0;
      // What could not be looked at is not gone: force comes when its time does.
      if (isGone && this.isComplete) return;
      const rest = deadline - performance.now();
      if (rest <= 0) return;
      await this.#run.changed(Math.min(pause, rest));
      // Members may have made others since; who only asks politely need not chase them.
      if (step.target === Target.TREE && step.signal === 'SIGKILL') this.#killNewcomers();
    }
  }

  #killNewcomers(): void {
    const known = new Set(this.#scan.members.map(({ pid }) => pid));
    this.#scan = this.#rescan(this.#scan.members);
    for (const member of this.#scan.members) {
      if (known.has(member.pid)) continue;
      this.#killCgroup();
      signalProcess(member, this.#machineEpoch, 'SIGKILL');
    }
  }

  /** All of it in one step, so that nothing can outrun the signals; what is not in it is signalled beside. */
  #killCgroup(): void {
    if (this.#run.cgroup !== '') killCgroup(machineCgroups(), this.#run.cgroup);
  }

  #aimedAt(target: Target): readonly TreeMember[] {
    const pid = this.#run.program?.pid;
    const living = this.#living();
    if (target === Target.LEADER) return living.filter((member) => member.pid === pid);
    if (target === Target.GROUP) return living.filter((member) => member.processGroup === pid);
    return living;
  }

  #living(): readonly TreeMember[] {
    return this.#scan.members.filter((member) => isAlive(member, this.#machineEpoch) !== 'dead');
  }

  #rescan(knownBefore: readonly TreeMember[]): TreeScan {
    const { program, mark, cgroup } = this.#run;
    const run = { program, mark, cgroup, since: program?.startTime };
    return scanTree(run, this.#machineEpoch, knownBefore);
  }
}
