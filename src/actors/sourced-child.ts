/**
 * A supervised event-sourced actor: crashed, it is folded anew from the log and goes on; crashing too often, it is
 * escalated. Messages wait while it is being restarted.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createActor, type Actor } from 'xstate';
import { HoldfastError } from '../errors.ts';
import type { AnyEvent } from '../events/envelope.ts';
import { isFinal } from '../machines/chart-table.ts';
import { isRejection } from '../machines/decision.ts';
import {
  eventSourced,
  type EventSourcedSpec,
  type Folded,
  type SourcedLogic,
} from './event-sourced.ts';
import { foldEvents } from './replay.ts';
import { supervise, type ChildEnd, type ChildSpec, type SupervisorDoors } from './supervisor.ts';

export interface SourcedChildDoors<C> extends SupervisorDoors {
  readonly intensity: ChildSpec['intensity'];
  /** Called after each durable step, and once with what was folded at the start. */
  readonly onState: (folded: Folded<C>) => void;
}

type Letter<M> = {
  readonly message: M;
  readonly answer: (error: HoldfastError | undefined) => void;
};

export class SourcedChild<C, M, E extends AnyEvent> {
  #folded: Folded<C>;
  #actor: Actor<SourcedLogic<C, M>> | undefined;
  #waiting: Letter<M>[] = [];
  readonly #ending = new AbortController();
  #isEscalated = false;
  readonly #spec: EventSourcedSpec<C, M, E>;
  readonly #doors: SourcedChildDoors<C>;

  constructor(spec: EventSourcedSpec<C, M, E>, doors: SourcedChildDoors<C>) {
    this.#spec = spec;
    this.#doors = doors;
    this.#folded = spec.folded;
  }

  get folded(): Folded<C> {
    return this.#folded;
  }

  /** Starts the actor; it does the duty of the state it wakes up in. */
  start(): void {
    const child = { id: this.#spec.stream, restart: 'transient' as const, ...this.#doors };
    const doors = { ...this.#doors, onEscalate: this.#escalate.bind(this) };
    void supervise(child, (attempt) => this.#live(attempt), doors, this.#ending.signal);
  }

  #escalate(spec: ChildSpec, error: HoldfastError): void {
    this.#isEscalated = true;
    for (const { answer } of this.#waiting.splice(0)) answer(error);
    this.#doors.onEscalate(spec, error);
  }

  /** Somebody wants something of it again: it gets another chance, with a fresh count of crashes. */
  #revive(): void {
    this.#isEscalated = false;
    this.start();
  }

  async #live(attempt: number): Promise<ChildEnd> {
    try {
      if (attempt > 0) await this.#refold();
      return await this.#untilEnd();
    } catch (error) {
      return { error };
    } finally {
      this.#actor = undefined;
    }
  }

  /** What the crashed actor was just appending is durable, or has failed, one turn later. */
  async #refold(): Promise<void> {
    await nextTurn();
    const { log, stream, table } = this.#spec;
    this.#folded = foldEvents(table, log.readStream(stream));
  }

  #untilEnd(): Promise<ChildEnd> {
    return new Promise((resolve) => {
      const logic = eventSourced({ ...this.#spec, folded: this.#folded });
      const actor = createActor(logic, { id: this.#spec.stream });
      this.#actor = actor;
      actor.subscribe({
        next: ({ folded }) => this.#note(folded),
        error: (error) => resolve({ error }),
        complete: () => resolve({}),
      });
      actor.start();
      for (const letter of this.#waiting.splice(0)) this.#post(letter);
    });
  }

  #note(folded: Folded<C>): void {
    this.#folded = folded;
    this.#doors.onState(folded);
  }

  /** Resolves when the message was decided and its events are durable. Rejects with `decide`'s rejection or CLOSED. */
  tell(message: M): Promise<void> {
    return new Promise((resolve, reject) => {
      const answer = (error: HoldfastError | undefined): void =>
        error === undefined ? resolve() : reject(error);
      this.#post({ message, answer });
    });
  }

  #post(letter: Letter<M>): void {
    if (this.#ending.signal.aborted) {
      letter.answer(new HoldfastError('CLOSED', `${this.#spec.stream} was stopped`));
    } else if (isFinal(this.#spec.table, this.#folded.state.value)) {
      const decision = this.#spec.decide(letter.message, this.#folded.state);
      letter.answer(isRejection(decision) ? decision.rejected : undefined);
    } else if (this.#actor === undefined) {
      this.#waiting.push(letter);
      if (this.#isEscalated) this.#revive();
    } else {
      const { message } = letter;
      this.#actor.send({ type: 'mail', message, answer: (error) => this.#answer(letter, error) });
    }
  }

  /** What a crashing actor had not taken yet waits for the next one; what it crashed of does not. */
  #answer(letter: Letter<M>, error: HoldfastError | undefined): void {
    const isUntaken = error?.code === 'CLOSED' && !this.#ending.signal.aborted;
    if (isUntaken) this.#waiting.push(letter);
    else letter.answer(error);
  }

  /** Aborts the duty and takes no more messages. What the task runs is not touched. */
  stop(): void {
    this.#ending.abort();
    this.#actor?.stop();
    for (const { answer } of this.#waiting.splice(0)) {
      answer(new HoldfastError('CLOSED', `${this.#spec.stream} was stopped`));
    }
  }
}
