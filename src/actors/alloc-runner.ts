/** An alloc's actor with its doors wired; it holds the actors of its tasks. */
import { messageOf, type HoldfastError } from '../errors.ts';
import type { AllocEvent } from '../events/alloc-event.ts';
import { allocStream, taskStream } from '../events/envelope.ts';
import { decideAlloc } from '../machines/alloc-decider.ts';
import { allocTable, type AllocContext } from '../machines/alloc-machine.ts';
import type { AllocMessage, TaskStanding } from '../machines/alloc-messages.ts';
import { taskTable } from '../machines/task-machine.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import { reasonOf, type TaskContext } from '../machines/task-state.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { Gate, TaskSpec } from '../spec/task-spec.ts';
import type { AgentDoors } from './agent-doors.ts';
import type { Duty, Folded } from './event-sourced.ts';
import { SourcedChild } from './sourced-child.ts';
import { taskRunner, type TaskRunner } from './task-runner.ts';

const INTENSITY = { restarts: 5, withinMs: 60_000 };

export interface AllocRunnerDoors {
  readonly agent: AgentDoors;
  /** What the log says of a task's stream; undefined for one that has no events. */
  readonly foldedTask: (stream: string) => Folded<TaskContext> | undefined;
  /** After a lost store: the newest run whose files were found, when the log does not know it. */
  readonly foundRun: (stream: string) => TaskMessage | undefined;
  /** A stream that could not be folded: its task is left alone. */
  readonly isQuarantined: (stream: string) => boolean;
  readonly onAllocState: (allocId: string, folded: Folded<AllocContext>) => void;
  /** A task's actor crashed too often and is left alone, until somebody wants something of it. */
  readonly onTaskEscalated: (stream: string, error: HoldfastError) => void;
  readonly onTaskState: (stream: string, folded: Folded<TaskContext>) => void;
  /** The alloc has ended: what was kept to rebuild it from is not needed any more. */
  readonly forgetFiles: (allocId: string) => Promise<void>;
}

export class AllocRunner {
  readonly allocId: string;
  readonly #doors: AllocRunnerDoors;
  readonly #tasks = new Map<string, TaskRunner>();
  readonly #actor: SourcedChild<AllocContext, AllocMessage, AllocEvent>;

  constructor(allocId: string, folded: Folded<AllocContext> | undefined, doors: AllocRunnerDoors) {
    this.allocId = allocId;
    this.#doors = doors;
    const { agent } = doors;
    this.#actor = new SourcedChild(
      {
        stream: allocStream(allocId),
        log: agent.log,
        table: allocTable,
        folded: folded ?? { version: 0, position: 0, state: allocTable.initial },
        decide: (message, state) => decideAlloc(message, state, { now: agent.clock.now() }),
        duties: this.#duties(),
      },
      {
        clock: agent.clock,
        intensity: INTENSITY,
        onState: (state) => doors.onAllocState(allocId, state),
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
    this.#actor.stop();
    for (const task of this.#tasks.values()) task.stop();
  }

  #duties(): Readonly<Record<string, Duty<AllocContext, AllocMessage>>> {
    return {
      openPrestart: ({ state }) => this.#open(state.context, 'prestart'),
      openMain: ({ state }) => this.#open(state.context, 'main'),
      stopTasks: async ({ state, signal }) => {
        this.#ensureTasks(state.context, null);
        const reason = state.context.reason;
        for (const runner of this.#tasks.values()) {
          if (signal.aborted) return undefined;
          void runner.tell({ type: 'StopTask', reason }).catch(() => undefined);
        }
        return this.#standing('');
      },
      forgetFiles: async () => {
        await this.#doors.forgetFiles(this.allocId);
        return undefined;
      },
    };
  }

  /** Every task has its actor and knows what it is; those behind this gate begin. */
  async #open(context: AllocContext, gate: Gate): Promise<AllocMessage> {
    this.#ensureTasks(context, gate);
    await Promise.all(
      this.#specs(context).map(async (task) => {
        const runner = this.#tasks.get(task.name);
        if (runner?.folded.state.value === 'pending') await runner.tell({ type: 'OpenGate', gate });
      }),
    ).catch(() => undefined);
    return this.#standing('');
  }

  #specs(context: AllocContext): readonly TaskSpec[] {
    return context.spec?.tasks ?? [];
  }

  #ensureTasks(context: AllocContext, openGate: Gate | null): void {
    const { spec, specHash } = context;
    if (spec === undefined) return;
    for (const task of spec.tasks) {
      if (this.#tasks.has(task.name)) continue;
      this.#startTask(spec, specHash, task, openGate);
    }
  }

  #startTask(spec: AllocSpec, specHash: string, task: TaskSpec, openGate: Gate | null): void {
    const { agent, foldedTask, foundRun, isQuarantined, onTaskState, onTaskEscalated } =
      this.#doors;
    const stream = taskStream(this.allocId, task.name);
    if (isQuarantined(stream)) return;
    const folded = foldedTask(stream) ?? { version: 0, position: 0, state: taskTable.initial };
    const identity = { allocId: this.allocId, allocName: spec.name, specHash, task, group: spec };
    let isOver = folded.state.value === 'dead';
    const onState = (state: Folded<TaskContext>): void => {
      onTaskState(stream, state);
      if (isOver || state.state.value !== 'dead') return;
      isOver = true;
      void this.tell(this.#standing(task.name)).catch(() => undefined);
    };
    const onEscalate = (error: HoldfastError): void => onTaskEscalated(stream, error);
    const runner = taskRunner(agent, identity, folded, { onState, onEscalate });
    this.#tasks.set(task.name, runner);
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

  #standing(task: string): AllocMessage {
    const standings = this.#specs(this.folded.state.context).map(({ name }): TaskStanding => {
      const state = this.#tasks.get(name)?.folded.state;
      const context = state?.context;
      const isDead = state?.value === 'dead';
      const reason = context === undefined ? '' : reasonOf(context);
      return { task: name, isDead, outcome: context?.outcome, reason };
    });
    return { type: 'TaskEnded', task, standings };
  }
}
