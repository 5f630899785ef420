/** An alloc's actor with its doors wired, its tasks, and the timer of the longest that it may run. */
import { messageOf } from '../errors.ts';
import type { AllocEvent } from '../events/alloc-event.ts';
import { allocStream } from '../events/envelope.ts';
import { decideAlloc } from '../machines/alloc-decider.ts';
import { isAllocLive } from '../machines/alloc-facts.ts';
import { allocTable, type AllocContext } from '../machines/alloc-machine.ts';
import type { AllocMessage } from '../machines/alloc-messages.ts';
import { allocDuties } from './alloc-duties.ts';
import { AllocTasks, type AllocTasksDoors } from './alloc-tasks.ts';
import type { Folded } from './event-sourced.ts';
import { SourcedChild } from './sourced-child.ts';
import type { TaskRunner } from './task-runner.ts';

const INTENSITY = { restarts: 5, withinMs: 60_000 };

export interface AllocRunnerDoors extends AllocTasksDoors {
  readonly onAllocState: (allocId: string, folded: Folded<AllocContext>) => void;
  /** The alloc has ended: what was kept to rebuild it from is not needed any more. */
  readonly forgetFiles: (allocId: string) => Promise<void>;
  /** See `AllocDutyDoors`. */
  readonly endPredecessor: (allocId: string, signal: AbortSignal) => Promise<void>;
}

export class AllocRunner {
  readonly allocId: string;
  readonly #doors: AllocRunnerDoors;
  readonly #tasks: AllocTasks;
  readonly #actor: SourcedChild<AllocContext, AllocMessage, AllocEvent>;
  #cancelTimer: (() => void) | undefined;
  #timedUntil: number | undefined;

  constructor(allocId: string, folded: Folded<AllocContext> | undefined, doors: AllocRunnerDoors) {
    this.allocId = allocId;
    this.#doors = doors;
    const { agent } = doors;
    const { clock } = agent;
    this.#tasks = new AllocTasks(allocId, doors, () => {
      this.#report(this.#tasks.standings(this.folded.state.context));
    });
    const forgetFiles = async (): Promise<void> => {
      await agent.networks.release(allocId);
      await doors.forgetFiles(allocId);
    };
    const { endPredecessor } = doors;
    this.#actor = new SourcedChild(
      {
        stream: allocStream(allocId),
        log: agent.log,
        table: allocTable,
        folded: folded ?? { version: 0, position: 0, state: allocTable.initial },
        decide: (message, state) =>
          decideAlloc(message, state, { now: clock.now(), steady: clock.steady() }),
        duties: allocDuties({ tasks: this.#tasks, clock, forgetFiles, endPredecessor }),
      },
      {
        clock,
        intensity: INTENSITY,
        onState: (state) => this.#note(state),
        onRestart: (spec, error) =>
          agent.logger.error({ stream: spec.id, error: messageOf(error) }, 'folded anew'),
        onEscalate: (spec, error) =>
          agent.record('StreamQuarantined', { stream: spec.id, message: error.message }),
      },
    );
  }

  get folded(): Folded<AllocContext> {
    return this.#actor.folded;
  }

  start(): void {
    this.#actor.start();
  }

  tell(message: AllocMessage): Promise<void> {
    return this.#actor.tell(message);
  }

  /** The actor of a task; undefined for a task that has none yet or is quarantined. */
  task(name: string): TaskRunner | undefined {
    return this.#tasks.get(name);
  }

  /** Aborts every duty. What the tasks run is not touched. */
  stop(): void {
    this.#cancelTimer?.();
    this.#actor.stop();
    this.#tasks.stop();
  }

  #report(message: AllocMessage): void {
    void this.tell(message).catch(() => undefined);
  }

  #note(folded: Folded<AllocContext>): void {
    const { value, context } = folded.state;
    const runUntil = isAllocLive(value) ? context.runUntil : undefined;
    // An update may change it.
    if (runUntil !== this.#timedUntil) {
      this.#cancelTimer?.();
      this.#timedUntil = runUntil;
      if (runUntil !== undefined) this.#cancelTimer = this.#setTimer(runUntil, context);
    }
    this.#doors.onAllocState(this.allocId, folded);
  }

  /** One that an earlier agent set goes on to the same moment; one that is past tells at once. */
  #setTimer(runUntil: number, { spec }: AllocContext): () => void {
    const { clock } = this.#doors.agent;
    // A machine that was started with a wrong wall clock must not let it run for years.
    const longest = clock.steady() + (spec?.maxRunDurationMs ?? 0);
    return clock.at(Math.min(runUntil, longest), () => this.#report({ type: 'DurationElapsed' }));
  }
}
