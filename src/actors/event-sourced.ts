/**
 * THE COMBINATOR: a decider, a chart, a log and duties make one XState actor logic. It owns the mailbox:
 *
 *     take one message → decide → await append → evolve → start the duty (aborting the old one) → publish → next
 *
 * Messages wait meanwhile. A snapshot is emitted only after its events are durable. An append that fails stops the
 * actor with the error; its supervisor folds it anew from the log. XState's own persistence is never used.
 */
import type { ActorLogic, ActorScope, EventObject, Snapshot } from 'xstate';
import { HoldfastError } from '../errors.ts';
import type { AnyEvent, Recorded, StreamName } from '../events/envelope.ts';
import type { EventLog } from '../log/event-log.ts';
import {
  dutyOf,
  entersState,
  evolve,
  isFinal,
  oneShotsOf,
  type ChartState,
  type ChartTable,
} from '../machines/chart-table.ts';
import { isRejection, type Decision } from '../machines/decision.ts';

/** What a duty gets. `signal` aborts when its state is left; nothing it mails after that is taken. */
export interface DutyScope<C, M> {
  readonly state: ChartState<C>;
  /** The newest state, for long duties in which something is noted without leaving the state. */
  readonly current: () => ChartState<C>;
  /** Resolves when something was noted, or when the state is left. */
  readonly noted: () => Promise<void>;
  readonly signal: AbortSignal;
  /** Mails a report and resolves when it was decided and its events are durable. */
  readonly report: (message: M) => Promise<void>;
}
/**
 * The work of a state: idempotent, done on entering and again after a restore. What it returns is mailed as its closing
 * report. A throw that is not an abort is a bug and crashes the actor.
 */
export type Duty<C, M> = (scope: DutyScope<C, M>) => Promise<M | undefined>;

export interface EventSourcedSpec<C, M, E extends AnyEvent> {
  readonly stream: StreamName;
  readonly log: EventLog;
  readonly table: ChartTable<C>;
  /** What the log says so far. */
  readonly folded: Folded<C>;
  readonly decide: (message: M, state: ChartState<C>) => Decision<E>;
  readonly duties: Readonly<Record<string, Duty<C, M>>>;
  /** Done once when an event with such an action was appended, never on replay: lost when the agent dies just then. */
  readonly oneShots?: Readonly<Record<string, (event: E, state: ChartState<C>) => void>>;
}

export interface Folded<C> {
  readonly version: number;
  /** Position of the newest event of the stream, 0 when it has none. */
  readonly position: number;
  readonly state: ChartState<C>;
}

export type SourcedSnapshot<C> = Snapshot<undefined> & { readonly folded: Folded<C> };

/** A message in an envelope, so that a command's caller can be answered. */
export interface Mail<M> extends EventObject {
  readonly type: 'mail';
  readonly message: M;
  /** Called once: with nothing when decided and durable, with the error when rejected or when the actor ends. */
  readonly answer?: ((error: HoldfastError | undefined) => void) | undefined;
}
interface Evolved<C> extends EventObject {
  readonly type: 'evolved';
  readonly folded: Folded<C>;
}
interface Crashed extends EventObject {
  readonly type: 'crashed';
  readonly error: unknown;
}
export type SourcedEvent<C, M> = Mail<M> | Evolved<C> | Crashed;
export type SourcedLogic<C, M> = ActorLogic<SourcedSnapshot<C>, SourcedEvent<C, M>, undefined>;

export function eventSourced<C, M, E extends AnyEvent>(
  spec: EventSourcedSpec<C, M, E>,
): SourcedLogic<C, M> {
  let mailbox: Mailbox<C, M, E> | undefined;
  return {
    getInitialSnapshot: () => snapshotOf(spec.table, spec.folded),
    start(_snapshot, scope) {
      mailbox = new Mailbox(spec, scope.self);
      mailbox.begin();
    },
    transition(snapshot, event, scope) {
      switch (event.type) {
        case 'mail':
          scope.defer(() => mailbox?.post(event));
          return snapshot;
        case 'evolved':
          return snapshotOf(spec.table, event.folded);
        case 'crashed':
          throw HoldfastError.from(event.error);
        default:
          // XState tells a logic that it was stopped by an event of its own.
          mailbox?.stop();
          return snapshot;
      }
    },
    getPersistedSnapshot: (snapshot) => snapshot,
  };
}

function snapshotOf<C>(table: ChartTable<C>, folded: Folded<C>): SourcedSnapshot<C> {
  const rest = { output: undefined, error: undefined, folded };
  return isFinal(table, folded.state.value)
    ? { ...rest, status: 'done' }
    : { ...rest, status: 'active' };
}

type Self<C, M> = ActorScope<SourcedSnapshot<C>, SourcedEvent<C, M>>['self'];

/** Why a duty is aborted. One for all: making an error with its stack for every step costs more than the step. */
const LEFT = new HoldfastError('ABORTED', 'the state was left');

class Mailbox<C, M, E extends AnyEvent> {
  #folded: Folded<C>;
  readonly #waiting: Mail<M>[] = [];
  #isBusy = false;
  #isStopped = false;
  #leave = new AbortController();
  #noted = Promise.withResolvers<void>();
  readonly #spec: EventSourcedSpec<C, M, E>;
  readonly #self: Self<C, M>;

  constructor(spec: EventSourcedSpec<C, M, E>, self: Self<C, M>) {
    this.#spec = spec;
    this.#self = self;
    this.#folded = spec.folded;
  }

  /** First start and restore are the same: do the duty of the state that the log ends in. */
  begin(): void {
    if (!isFinal(this.#spec.table, this.#folded.state.value)) this.#startDuty();
  }

  post(mail: Mail<M>): void {
    if (this.#isStopped) {
      mail.answer?.(new HoldfastError('CLOSED', `${this.#spec.stream} is not running`));
      return;
    }
    this.#waiting.push(mail);
    if (!this.#isBusy) void this.#work();
  }

  stop(): void {
    this.#isStopped = true;
    this.#leave.abort(LEFT);
    for (const mail of this.#waiting.splice(0)) {
      mail.answer?.(new HoldfastError('CLOSED', `${this.#spec.stream} was stopped`));
    }
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    for (let mail = this.#waiting.shift(); mail !== undefined; mail = this.#waiting.shift()) {
      try {
        mail.answer?.(await this.#take(mail.message));
      } catch (error) {
        mail.answer?.(HoldfastError.from(error));
        this.#crash(error);
        break;
      }
    }
    this.#isBusy = false;
  }

  async #take(message: M): Promise<HoldfastError | undefined> {
    const decision = this.#spec.decide(message, this.#folded.state);
    if (isRejection(decision)) return decision.rejected;
    if (decision.length === 0) return undefined;
    // Folded before the append, so that an unlawful event crashes the actor instead of entering the log.
    const states = foldAll(this.#spec.table, this.#folded.state, decision);
    // crash point: agent.decided
    const before = this.#folded;
    const recorded = await this.#spec.log.append(this.#spec.stream, before.version, decision);
    // crash point: agent.appended
    if (this.#isStopped) return undefined;
    this.#advance(before, recorded, states);
    return undefined;
  }

  #advance(before: Folded<C>, recorded: readonly Recorded<E>[], states: ChartState<C>[]): void {
    const newest = recorded.at(-1) as Recorded<E>;
    const state = states.at(-1) as ChartState<C>;
    this.#folded = { version: newest.version, position: newest.position, state };
    let value = before.state.value;
    let isEntered = false;
    const { table, oneShots } = this.#spec;
    for (const [index, event] of recorded.entries()) {
      for (const name of oneShotsOf(table, value, event.type)) {
        oneShots?.[name]?.(event, states[index] as ChartState<C>);
      }
      isEntered ||= entersState(table, value, event.type);
      value = (states[index] as ChartState<C>).value;
    }
    if (isEntered) {
      this.#leave.abort(LEFT);
      if (!isFinal(table, state.value)) this.#startDuty();
    }
    this.#noted.resolve();
    this.#noted = Promise.withResolvers<void>();
    this.#self.send({ type: 'evolved', folded: this.#folded });
  }

  #startDuty(): void {
    const name = dutyOf(this.#spec.table, this.#folded.state.value);
    const duty = name === undefined ? undefined : this.#spec.duties[name];
    if (duty === undefined) return;
    const leave = new AbortController();
    this.#leave = leave;
    const report = (message: M): Promise<void> =>
      new Promise((resolve) => {
        if (leave.signal.aborted) return resolve();
        this.post({ type: 'mail', message, answer: () => resolve() });
      });
    const { state } = this.#folded;
    const current = (): ChartState<C> => this.#folded.state;
    const noted = (): Promise<void> => this.#noted.promise;
    const scope = { state, current, noted, signal: leave.signal, report };
    duty(scope)
      .then((closing) => (closing === undefined ? undefined : report(closing)))
      .catch((error: unknown) => {
        if (!leave.signal.aborted) this.#crash(error);
      });
  }

  #crash(error: unknown): void {
    if (this.#isStopped) return;
    this.stop();
    this.#self.send({ type: 'crashed', error });
  }
}

function foldAll<C>(
  table: ChartTable<C>,
  from: ChartState<C>,
  events: readonly AnyEvent[],
): ChartState<C>[] {
  let state = from;
  return events.map((event) => (state = evolve(table, state, event)));
}
