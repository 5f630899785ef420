/**
 * Commands beside programs: what the log says of them, what they really did, and what their visitors saw.
 *   I3   one end for each that was opened                I4   that end is what the command did
 *   I6   one that is over does not begin any more        I9   none begins that is not recorded
 *   I10  none lives when its run is left                 I12  output comes whole, in order, once
 */
import type { CommandEntry } from '../ledger.ts';
import type { Visitor } from '../visitors.ts';
import type { World } from '../world/world.ts';
import type { Fail } from './invariants.ts';
import type { BookEvent, LogBook } from './log-book.ts';

interface LoggedSession {
  readonly stream: string;
  readonly launchKey: string;
  end: { readonly exitCode: number | null; readonly signal: string | null } | undefined;
}

/** A visitor who comes back within this time has missed nothing; a host may be a little early. */
const KEPT_MS = 25_000;
const LEAVES = new Set(['TaskKilled', 'TaskRestarting', 'TaskNotRestarting']);

export class SessionInvariants {
  readonly #world: World;
  readonly #fail: Fail;
  readonly #logged = new Map<string, LoggedSession>();

  constructor(world: World, book: LogBook, fail: Fail) {
    this.#world = world;
    this.#fail = fail;
    book.listen((noted) => this.#note(noted));
  }

  onCommand({ session, launchKey }: CommandEntry): void {
    const logged = this.#logged.get(session);
    const times = this.#world.ledger.commands.get(session)?.length ?? 0;
    if (times > 1) this.#fail(`I1: the command of session ${session} began ${times} times`);
    if (logged === undefined) this.#fail(`I9: session ${session} began and is not in the log`);
    else if (logged.end !== undefined) this.#fail(`I6: session ${session} began after its end`);
    else if (logged.launchKey !== launchKey) this.#fail(`I9: ${session} began beside ${launchKey}`);
  }

  #note({ event, stream, before, logged }: BookEvent): void {
    const launchKey = before.context.launch?.launchKey ?? '';
    if (event.type === 'SessionOpened') {
      this.#logged.set(event.data.session, { stream, launchKey, end: undefined });
    } else if (event.type === 'SessionClosed') {
      this.#close(event.data);
    } else if (LEAVES.has(event.type)) {
      const key = logged?.launchKey ?? launchKey;
      const left = this.#world.ledger.besideOf(key).map(({ name }) => name);
      if (left.length > 0) {
        this.#fail(
          `I10: ${left.join(', ')} lives beside run ${key}, which ends with ${event.type}`,
        );
      }
    }
  }

  #close(told: {
    session: string;
    exitCode: number | null;
    signal: string | null;
    reason: string;
  }): void {
    const { session, exitCode, signal, reason } = told;
    const logged = this.#logged.get(session);
    if (logged === undefined) return this.#fail(`I3: session ${session} ends and never began`);
    if (logged.end !== undefined) return this.#fail(`I3: session ${session} ends twice`);
    logged.end = { exitCode, signal };
    const entry = this.#world.ledger.commands.get(session)?.[0];
    if (exitCode === null && signal === null) {
      if (reason !== 'its host was lost' || entry === undefined) return;
      const isThere = !entry.host.isDead && !this.#isOver(entry.launchKey) && !this.#isMute();
      if (isThere) this.#fail(`I5: session ${session} is lost, and its host lives`);
      return;
    }
    const said = exitCode ?? signal;
    if (entry === undefined) return this.#fail(`I4: session ${session} never began: ${said}`);
    const { end } = entry;
    if (end === undefined) return this.#fail(`I4: session ${session} runs and ended with ${said}`);
    const isTrue = end.code === exitCode && end.signal === signal;
    if (!isTrue) this.#fail(`I4: session ${session} ended with ${end.code ?? end.signal}: ${said}`);
  }

  /** A host that an agent could not speak with is replaced, and its runs have another one. */
  #isMute(): boolean {
    const mute = new Set([
      'callLost',
      'answerLost',
      'callLate',
      'cut',
      'stopExecutor',
      'stopAgent',
    ]);
    return this.#world.faults.struck.some(({ kind }) => mute.has(kind));
  }

  #isOver(launchKey: string): boolean {
    return this.#world.ledger.byKey.get(launchKey)?.[0]?.end !== undefined;
  }

  onSeen({ session = '', seen }: Visitor, start: number): void {
    if (start !== seen) this.#fail(`I12: session ${session} goes on at ${start} after ${seen}`);
  }

  onMissed(visitor: Visitor, why: string): void {
    const entry = this.#entryOf(visitor);
    if (entry === undefined || !this.#mustHaveAll(visitor, entry)) return;
    if (visitor.seen < lengthOf(entry)) {
      this.#fail(`I12: session ${visitor.session} stops at ${visitor.seen}: ${why}`);
    }
  }

  onOver(visitor: Visitor): void {
    const { session = '', text, over } = visitor;
    const entry = this.#entryOf(visitor);
    if (entry === undefined) return;
    for (const stream of ['stdout', 'stderr'] as const) {
      if (entry.written[stream].startsWith(text[stream])) continue;
      this.#fail(`I12: the ${stream} of session ${session} is not what its command wrote`);
    }
    if (over !== 'whole' || !this.#mustHaveAll(visitor, entry)) return;
    const missing = lengthOf(entry) - visitor.seen;
    if (missing > 0)
      this.#fail(`I12: session ${session} was told to be over, ${missing} bytes lack`);
  }

  #entryOf({ session = '' }: Visitor): CommandEntry | undefined {
    return this.#world.ledger.commands.get(session)?.[0];
  }

  /** Who stands still, or whose messages are late, may be away longer than he knows. */
  #mustHaveAll({ longestAwayMs }: Visitor, { host }: CommandEntry): boolean {
    const kinds = new Set(this.#world.faults.struck.map(({ kind }) => kind));
    const isSlow = kinds.has('stopAgent') || kinds.has('stopExecutor') || kinds.has('callLate');
    const isTorn = kinds.has('twoAgents');
    return !host.isDead && !isSlow && !isTorn && longestAwayMs < KEPT_MS;
  }

  /** Once everything is over. */
  checkRest(): void {
    for (const [session, { end, stream }] of this.#logged) {
      if (end === undefined) this.#fail(`I3: session ${session} of ${stream} never ended`);
    }
  }

  /** Commands that are over, or never began, and nobody has said so. */
  get untold(): readonly string[] {
    const open = [...this.#logged].filter(([, { end }]) => end === undefined);
    const { commands } = this.#world.ledger;
    return open
      .map(([session]) => session)
      .filter((session) => {
        return commands.get(session)?.[0]?.process.isDead !== false;
      });
  }

  /** Commands that are said to be over and live. */
  get livingDead(): readonly string[] {
    const found: string[] = [];
    for (const [session, [entry]] of this.#world.ledger.commands) {
      const isOver = this.#logged.get(session)?.end !== undefined;
      if (isOver && entry?.process.isDead === false) found.push(session);
    }
    return found;
  }
}

function lengthOf({ written }: CommandEntry): number {
  return written.stdout.length + written.stderr.length;
}
