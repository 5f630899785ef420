/**
 * What the log says of runs against what the ledger knows of them.
 *   I1  a run is launched at most once, ever          I2  one live run of a task
 *   I4  an exit status is what the program did         I5  nothing is lost without a reason
 *   I6  what was called never started never runs       I9  nothing is launched that is not recorded
 */
import type { Launch } from '../ledger.ts';
import type { World } from '../world/world.ts';
import type { Fail } from './invariants.ts';
import type { BookEvent, LogBook, LoggedRun } from './log-book.ts';

/** These leave a run behind; one that has no end by then is said never to have begun. */
const LEAVES = new Set(['TaskKilled', 'TaskRestarting', 'TaskNotRestarting']);

export class RunInvariants {
  readonly #world: World;
  readonly #book: LogBook;
  readonly #fail: Fail;
  /** Runs that are said never to have begun. */
  readonly #aborted = new Set<string>();

  constructor(world: World, book: LogBook, fail: Fail) {
    this.#world = world;
    this.#book = book;
    this.#fail = fail;
    book.listen((noted) => this.#note(noted));
  }

  onLaunch(launch: Launch): void {
    const { launchKey, allocId, task, run } = launch;
    const { ledger } = this.#world;
    const name = `run ${run} of ${allocId}/${task} (${launchKey})`;
    const times = ledger.byKey.get(launchKey)?.length ?? 0;
    if (times > 1) this.#fail(`I1: ${name} was launched ${times} times`);
    for (const other of ledger.launches) {
      const isOther = other.launchKey !== launchKey;
      if (!isOther || other.allocId !== allocId || other.task !== task) continue;
      const living = [...ledger.livingOf(other.launchKey), ...ledger.besideOf(other.launchKey)];
      if (living.length === 0) continue;
      const who = living.map((one) => one.name).join(', ');
      this.#fail(`I2: ${name} was launched while ${who} of run ${other.run} lives`);
    }
    const logged = this.#book.runs.get(launchKey);
    if (logged === undefined) this.#fail(`I9: ${name} was launched and is not in the log`);
    if (this.#aborted.has(launchKey)) this.#fail(`I6: ${name} was launched after all`);
    if (logged?.end !== undefined) this.#fail(`I6: ${name} was launched after its ${logged.end}`);
  }

  #note({ event, logged, before }: BookEvent): void {
    if (logged === undefined) return;
    const launch = this.#world.ledger.byKey.get(logged.launchKey)?.[0];
    if (event.type === 'TaskStarted') this.#checkStart(logged, launch, event.data.pid);
    else if (event.type === 'TaskExited') this.#checkExit(logged, launch, event.data);
    else if (event.type === 'TaskLost') this.#checkLoss(logged, launch, event.data.reason);
    else if (event.type === 'TaskStartFailed') this.#checkAborted(logged, launch, event.data.code);
    if (!LEAVES.has(event.type) || logged.end !== undefined || before.value === 'prestart') return;
    this.#checkAborted(logged, launch, event.type);
  }

  #checkStart(logged: LoggedRun, launch: Launch | undefined, pid: number): void {
    // Its identity is on disk before it is executed.
    if (launch === undefined || launch.pid === pid) return;
    this.#fail(`I4: ${say(logged)} is recorded with pid ${pid} and has pid ${launch.pid}`);
  }

  #checkExit(
    logged: LoggedRun,
    launch: Launch | undefined,
    { exitCode, signal }: { exitCode: number | null; signal: string | null },
  ): void {
    const said = exitCode ?? signal;
    if (launch === undefined) {
      // It ended before it executed the program: as a shell's child by a signal, or with the shell's own code.
      if (signal !== null || exitCode === 126 || exitCode === 127 || exitCode === 2) return;
      return this.#fail(`I4: ${say(logged)} never ran and is said to have exited with ${said}`);
    }
    const { end } = launch;
    if (end === undefined) return this.#fail(`I4: ${say(logged)} runs and is said to have exited`);
    if (end.code === exitCode && (end.signal === null) === (signal === null)) return;
    this.#fail(`I4: ${say(logged)} ended with ${end.code ?? end.signal}, recorded is ${said}`);
  }

  #checkLoss(logged: LoggedRun, launch: Launch | undefined, reason: string): void {
    const { ledger, processes } = this.#world;
    const isRebooted = logged.bootId !== processes.bootId;
    if (!isRebooted && !ledger.wounds.has(logged.launchKey)) {
      this.#fail(`I5: ${say(logged)} is lost (${reason}) and nothing was done to it`);
    }
    if (launch?.process.isDead === false) {
      this.#fail(`I5: ${say(logged)} is lost (${reason}) and lives`);
    }
  }

  #checkAborted(logged: LoggedRun, launch: Launch | undefined, as: string): void {
    this.#aborted.add(logged.launchKey);
    if (launch !== undefined)
      this.#fail(`I6: ${say(logged)} ran and is called ${as} without an end`);
  }
}

function say({ run, stream, launchKey }: LoggedRun): string {
  return `run ${run} of ${stream} (${launchKey})`;
}
