/** The tasks of one alloc: their actors, how they stand, and waiting for them. */
import type { HoldfastError } from '../errors.ts';
import { taskStream } from '../events/envelope.ts';
import type { AllocContext } from '../machines/alloc-machine.ts';
import type { AllocMessage, TaskStanding } from '../machines/alloc-messages.ts';
import { taskTable } from '../machines/task-machine.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import { reasonOf, type TaskContext } from '../machines/task-state.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { Gate, TaskSpec } from '../spec/task-spec.ts';
import type { AgentDoors } from './agent-doors.ts';
import type { Folded } from './event-sourced.ts';
import { taskRunner, type TaskRunner } from './task-runner.ts';

export interface AllocTasksDoors {
  readonly agent: AgentDoors;
  /** What the log says of a task's stream; undefined for one that has no events. */
  readonly foldedTask: (stream: string) => Folded<TaskContext> | undefined;
  /** After a lost store: the newest run whose files were found, when the log does not know it. */
  readonly foundRun: (stream: string) => TaskMessage | undefined;
  /** A stream that could not be folded: its task is left alone. */
  readonly isQuarantined: (stream: string) => boolean;
  /** A task's actor crashed too often and is left alone, until somebody wants something of it. */
  readonly onTaskEscalated: (stream: string, error: HoldfastError) => void;
  readonly onTaskState: (stream: string, folded: Folded<TaskContext>) => void;
}

export class AllocTasks {
  readonly #allocId: string;
  readonly #doors: AllocTasksDoors;
  readonly #runners = new Map<string, TaskRunner>();
  /** Their actors are left alone: nobody waits for them. */
  readonly #givenUp = new Set<string>();
  readonly #watchers = new Set<() => void>();
  readonly #onChange: () => void;

  /** `onChange` is called when the standing of a task has changed in what an alloc asks about. */
  constructor(allocId: string, doors: AllocTasksDoors, onChange: () => void) {
    this.#allocId = allocId;
    this.#doors = doors;
    this.#onChange = onChange;
  }

  /** The actor of a task; undefined for a task that has none yet or is quarantined. */
  get(name: string): TaskRunner | undefined {
    return this.#runners.get(name);
  }

  stop(): void {
    for (const runner of this.#runners.values()) runner.stop();
  }

  /** Every task has its actor and knows what it is; those behind `openGate` begin at once. */
  ensure({ spec, specHash }: AllocContext, openGate: Gate | null): void {
    if (spec === undefined) return;
    for (const task of spec.tasks) {
      if (this.#runners.has(task.name)) continue;
      this.#startTask(spec, specHash, task, openGate);
    }
  }

  /** Resolves when the message was decided; an actor that cannot take it is nothing to wait for. */
  async tell(name: string, message: TaskMessage): Promise<void> {
    this.#givenUp.delete(name);
    await this.#runners
      .get(name)
      ?.tell(message)
      .catch(() => undefined);
  }

  /** How the tasks of the alloc stand, as a report to it. */
  standings({ spec }: AllocContext): AllocMessage {
    const standings = (spec?.tasks ?? []).map(({ name }) => this.#standingOf(name));
    return { type: 'TasksChanged', standings };
  }

  /** Names of tasks whose gate has not been opened yet. */
  notBegun(names: readonly string[]): readonly string[] {
    return names.filter((name) => !this.#standingOf(name).hasBegun);
  }

  /** Resolves when none of them can be waited for any more: over, stuck, or left alone. Rejects when aborted. */
  untilOver(names: readonly string[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (names.some((name) => this.#isAwaited(name))) return;
        end();
        resolve();
      };
      const abort = (): void => {
        end();
        reject(signal.reason as Error);
      };
      const end = (): void => {
        this.#watchers.delete(look);
        signal.removeEventListener('abort', abort);
      };
      this.#watchers.add(look);
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      else look();
    });
  }

  /** A program that outlives SIGKILL must not keep the others from their end. */
  #isAwaited(name: string): boolean {
    const state = this.#runners.get(name)?.folded.state;
    if (state === undefined || this.#givenUp.has(name)) return false;
    return state.value !== 'dead' && state.context.stuck === undefined;
  }

  #standingOf(name: string): TaskStanding {
    const { value = 'unknown', context } = this.#runners.get(name)?.folded.state ?? {};
    return {
      task: name,
      hasBegun: value !== 'unknown' && value !== 'pending',
      hasStarted: context?.startedAt !== undefined,
      isRunning: value === 'running',
      isDead: value === 'dead',
      outcome: context?.outcome,
      reason: context === undefined ? '' : reasonOf(context),
      revival: context?.revival ?? 0,
    };
  }

  #startTask(spec: AllocSpec, specHash: string, task: TaskSpec, openGate: Gate | null): void {
    const { agent, foldedTask, foundRun, isQuarantined, onTaskState, onTaskEscalated } =
      this.#doors;
    const { name } = task;
    const stream = taskStream(this.#allocId, name);
    if (isQuarantined(stream)) return;
    const folded = foldedTask(stream) ?? { version: 0, position: 0, state: taskTable.initial };
    const identity = { allocId: this.#allocId, allocName: spec.name, specHash, task, group: spec };
    let known = factsFor(folded);
    const onState = (state: Folded<TaskContext>): void => {
      onTaskState(stream, state);
      const now = factsFor(state);
      const isNews = now !== known;
      known = now;
      this.#look();
      if (isNews) this.#onChange();
    };
    const onEscalate = (error: HoldfastError): void => {
      this.#givenUp.add(name);
      onTaskEscalated(stream, error);
      this.#look();
    };
    const runner = taskRunner(agent, identity, folded, { onState, onEscalate });
    this.#runners.set(name, runner);
    runner.start();
    const found = foundRun(stream);
    const messages: TaskMessage[] = found === undefined ? [] : [found];
    if (folded.state.context.plan === undefined) {
      const gate = found === undefined ? openGate : null;
      const hooks = agent.hooks.planFor(task);
      const allocName = spec.name;
      messages.unshift({ type: 'ReceiveTask', allocName, task, hooks, openGate: gate });
    }
    for (const message of messages) void runner.tell(message).catch(() => undefined);
  }

  #look(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

/** What an alloc asks about a task, as one word. */
function factsFor({ state: { value, context } }: Folded<TaskContext>): string {
  const isMarked = value === 'running' || value === 'dead' || value === 'pending';
  return `${isMarked ? value : ''} ${context.startedAt !== undefined}`;
}
