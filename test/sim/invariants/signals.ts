/**
 * Who is signalled, and why.
 *   I9   a signal to a run follows from what is recorded
 *   I11  nothing foreign is ever signalled, whatever pid it has got
 *   P12  no signal before the shutdown delay is over, no force before the program's time is, whoever turned which clock
 */
import type { Life } from '../scheduler.ts';
import { Process } from '../world/processes.ts';
import type { World } from '../world/world.ts';
import type { Fail } from './invariants.ts';
import type { LogBook } from './log-book.ts';

/** Deadlines are whole milliseconds of a clock that another process reads a little later. */
const ROUNDING_MS = 12;

export class SignalInvariants {
  readonly #world: World;
  readonly #book: LogBook;
  readonly #fail: Fail;

  constructor(world: World, book: LogBook, fail: Fail) {
    this.#world = world;
    this.#book = book;
    this.#fail = fail;
  }

  onSignal(target: Process, signal: string, sender: Life): void {
    if (!(sender instanceof Process)) return;
    if (target.kind === 'foreign')
      this.#fail(`I11: ${sender.name} sent ${signal} to ${target.name}`);
    const launchKey = this.#keyOf(target);
    if (launchKey === undefined) return;
    const logged = this.#book.runs.get(launchKey);
    const isReasoned =
      this.#book.orphans.has(launchKey) ||
      (logged !== undefined &&
        (logged.end !== undefined || logged.kill !== undefined || logged.signals.has(signal)));
    // What became of a run whose files are gone is asked of its processes, by force.
    if (!isReasoned && !this.#world.ledger.wounds.has(launchKey)) {
      this.#fail(
        `I9: ${sender.name} sent ${signal} to ${target.name} (${launchKey}) for no reason`,
      );
    }
    const kill = logged?.kill;
    if (kill === undefined || logged?.signals.has(signal) === true) return;
    if (target.kind !== 'program' || logged?.end !== undefined) return;
    const isForce = signal === 'SIGKILL' && kill.signal !== 'SIGKILL';
    const dueMs = kill.atMs + kill.waitsMs + (isForce ? kill.timeoutMs : 0);
    if (logged?.bootId !== this.#world.processes.bootId || this.#world.agentsStandStill) return;
    if (this.#world.nowMs + ROUNDING_MS < dueMs) {
      this.#fail(`P12: ${target.name} was killed ${dueMs - this.#world.nowMs} ms before its time`);
    }
  }

  #keyOf(target: Process): string | undefined {
    for (const [launchKey, members] of this.#world.ledger.members) {
      if (members.has(target)) return launchKey;
    }
    return undefined;
  }
}
