/**
 * A supervised event-sourced actor: crashed, it is folded anew from the log and goes on; crashing too often, it is
 * escalated. Messages wait while it is being restarted.
 */
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
  #ending = new AbortController();
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

  #live(attempt: number): Promise<ChildEnd> {
    return new Promise((resolve) => {
      try {
        const { log, stream, table } = this.#spec;
        if (attempt > 0) this.#folded = foldEvents(table, log.readStream(stream));
        const actor = createActor(eventSourced({ ...this.#spec, folded: this.#folded }), {
          id: stream,
        });
        this.#actor = actor;
        actor.subscribe({
          next: ({ folded }) => this.#note(folded),
          error: (error) => resolve(this.#end({ error })),
          complete: () => resolve(this.#end({})),
        });
        actor.start();
        for (const letter of this.#waiting.splice(0)) this.#post(letter);
      } catch (error) {
        resolve(this.#end({ error }));
      }
    });
  }

  #note(folded: Folded<C>): void {
    this.#folded = folded;
    this.#doors.onState(folded);
  }

  #end(end: ChildEnd): ChildEnd {
    this.#actor = undefined;
    return end;
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
    } else if (this.#isEscalated) {
      const text = `${this.#spec.stream} crashed too often and is left alone`;
      letter.answer(new HoldfastError('WRONG_STATE', text));
    } else if (this.#actor === undefined) this.#waiting.push(letter);
    else this.#actor.send({ type: 'mail', ...letter });
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
