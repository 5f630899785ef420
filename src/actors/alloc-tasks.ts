/** The tasks of one alloc: their actors, how they stand, and waiting for them. */
import type { HoldfastError } from '../errors.ts';
import { taskStream } from '../events/envelope.ts';
import type { AllocContext } from '../machines/alloc-machine.ts';
import type { AllocMessage, TaskStanding } from '../machines/alloc-messages.ts';
import { versionOf } from '../machines/alloc-update.ts';
import { taskTable } from '../machines/task-machine.ts';
import type { MessageOf, TaskMessage } from '../machines/task-messages.ts';
import { reasonOf, type TaskContext } from '../machines/task-state.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { Gate, TaskSpec } from '../spec/task-spec.ts';
import type { AgentDoors } from './agent-doors.ts';
import type { Folded } from './event-sourced.ts';
import { taskRunner, type TaskIdentity, type TaskRunner } from './task-runner.ts';

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
  /** What each of them is; an update changes it. */
  readonly #identities = new Map<string, TaskIdentity>();
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

  /**
   * Every task has its actor and knows what it is; those behind `openGate` begin at once. So has one that the alloc was
   * updated to have no more, until it is over.
   */
  ensure(context: AllocContext, openGate: Gate | null): void {
    const { spec, specHash, removedTasks = [] } = context;
    if (spec === undefined) return;
    const { agent } = this.#doors;
    for (const task of spec.tasks) {
      const identity = identityOf(this.#allocId, spec, specHash, task);
      this.#identities.set(task.name, identity);
      if (this.#runners.has(task.name)) continue;
      const hooks = agent.hooks.planFor(task);
      const version = versionOf(context);
      const specVersion = version === 1 ? {} : { specVersion: version };
      const what = { allocName: spec.name, task, hooks, openGate, ...specVersion };
      this.#startTask(task.name, { type: 'ReceiveTask', ...what });
    }
    for (const task of removedTasks) {
      if (this.#runners.has(task.name) || !this.#isLeft(task.name)) continue;
      this.#identities.set(task.name, identityOf(this.#allocId, spec, specHash, task));
      this.#startTask(task.name);
    }
  }

  /** Something of it may still be there. */
  #isLeft(name: string): boolean {
    const folded = this.#doors.foldedTask(taskStream(this.#allocId, name));
    return folded !== undefined && folded.state.value !== 'dead';
  }

  /** The task hears what an update of the alloc makes of it; resolves when that is recorded, and nothing for others. */
  async update(name: string, { touched, spec }: AllocContext): Promise<void> {
    const touch = touched?.[name];
    const task = spec?.tasks.find((one) => one.name === name);
    if (touch === undefined || task === undefined) return;
    const { plan } = this.#runners.get(name)?.folded.state.context ?? {};
    const hooks = this.#doors.agent.hooks.planFor(task, plan?.hooks);
    await this.tell(name, { type: 'UpdateTask', task, hooks, ...touch });
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
  standings({ spec, removedTasks = [] }: AllocContext): AllocMessage {
    const left = removedTasks.filter(({ name }) => this.#runners.has(name));
    const all = [...(spec?.tasks ?? []), ...left];
    return { type: 'TasksChanged', standings: all.map(({ name }) => this.#standingOf(name)) };
  }

  /** Names of tasks whose gate has not been opened yet. */
  notBegun(names: readonly string[]): readonly string[] {
    return names.filter((name) => !this.#standingOf(name).hasBegun);
  }

  /** Resolves when none of them can be waited for any more: over, stuck, or left alone. Rejects when aborted. */
  untilOver(names: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#until(names, signal, (value) => value === 'dead');
  }

  /** Resolves when nothing lives any more of a run of theirs that is being ended, or cannot be waited for. */
  untilEnded(names: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#until(names, signal, (value) => value !== 'killing' && value !== 'exited');
  }

  #until(
    names: readonly string[],
    signal: AbortSignal,
    isReached: (value: string) => boolean,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (names.some((name) => this.#isAwaited(name, isReached))) return;
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
  #isAwaited(name: string, isReached: (value: string) => boolean): boolean {
    const state = this.#runners.get(name)?.folded.state;
    if (state === undefined || this.#givenUp.has(name)) return false;
    return !isReached(state.value) && state.context.stuck === undefined;
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

  /** `received` is for one that has not heard of itself yet. */
  #startTask(name: string, received?: MessageOf<'ReceiveTask'>): void {
    const { agent, foldedTask, foundRun, isQuarantined, onTaskState, onTaskEscalated } =
      this.#doors;
    const stream = taskStream(this.#allocId, name);
    if (isQuarantined(stream)) return;
    const folded = foldedTask(stream) ?? { version: 0, position: 0, state: taskTable.initial };
    const identity = (): TaskIdentity => this.#identities.get(name) as TaskIdentity;
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
    if (folded.state.context.plan === undefined && received !== undefined) {
      const openGate = found === undefined ? received.openGate : null;
      messages.unshift({ ...received, openGate });
    }
    for (const message of messages) void runner.tell(message).catch(() => undefined);
  }

  #look(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

function identityOf(
  allocId: string,
  group: AllocSpec,
  specHash: string,
  task: TaskSpec,
): TaskIdentity {
  return { allocId, allocName: group.name, specHash, task, group };
}

/** What an alloc asks about a task, as one word. */
function factsFor({ state: { value, context } }: Folded<TaskContext>): string {
  const isMarked = value === 'running' || value === 'dead' || value === 'pending';
  return `${isMarked ? value : ''} ${context.startedAt !== undefined}`;
}
