/** Handles do no I/O: they say which alloc or task they mean, and ask the orchestrator. */
import type {
  AllocHandle,
  AllocView,
  EventQuery,
  ExecOptions,
  ExecSession,
  LogChunk,
  LogQuery,
  NomadTaskEvent,
  Orchestrator,
  PublicEvent,
  RestartOptions,
  StatsQuery,
  StopOptions,
  TaskEnvView,
  TaskHandle,
  TaskStats,
  TaskView,
} from '../api.ts';
import type { Roster } from '../actors/roster.ts';
import { HoldfastError } from '../errors.ts';
import type { Abortable } from '../ports.ts';

export class LocalAlloc implements AllocHandle {
  readonly allocId: string;
  readonly #roster: Roster;
  readonly #orchestrator: Orchestrator;

  constructor(allocId: string, roster: Roster, orchestrator: Orchestrator) {
    this.allocId = allocId;
    this.#roster = roster;
    this.#orchestrator = orchestrator;
  }

  get alloc(): string {
    return this.#roster.nameOf(this.allocId) ?? '';
  }

  task(name: string): TaskHandle {
    return new LocalTask(this.allocId, name, this.#roster, this.#orchestrator);
  }
  async view(): Promise<AllocView> {
    return this.#roster.view(this.allocId);
  }
  stop(options?: StopOptions): Promise<AllocView> {
    return this.#orchestrator.stop(this.allocId, options);
  }
  restart(options?: RestartOptions): Promise<void> {
    return this.#orchestrator.restart(this.allocId, options);
  }
  resume(): Promise<void> {
    return this.#orchestrator.resume(this.allocId);
  }
  wait(options: Abortable = {}): Promise<AllocView> {
    return this.#roster.until(this.allocId, options.signal, (view) => !view.isLive);
  }
  events(query: Omit<EventQuery, 'ref'> = {}): AsyncIterable<PublicEvent> {
    return this.#orchestrator.events({ ...query, ref: this.allocId });
  }
}

class LocalTask implements TaskHandle {
  readonly allocId: string;
  readonly task: string;
  readonly #roster: Roster;
  readonly #orchestrator: Orchestrator;

  constructor(allocId: string, task: string, roster: Roster, orchestrator: Orchestrator) {
    this.allocId = allocId;
    this.task = task;
    this.#roster = roster;
    this.#orchestrator = orchestrator;
  }

  get #ref(): string {
    return `${this.allocId}/${this.task}`;
  }

  async view(): Promise<TaskView> {
    return this.#pick(this.#roster.view(this.allocId));
  }
  signal(signal: string): Promise<void> {
    return this.#orchestrator.signal(this.#ref, signal);
  }
  restart(): Promise<void> {
    return this.#orchestrator.restart(this.#ref);
  }
  resume(): Promise<void> {
    return this.#orchestrator.resume(this.#ref);
  }
  logs(query?: LogQuery): AsyncIterable<LogChunk> {
    return this.#orchestrator.logs(this.#ref, query);
  }
  stats(query?: StatsQuery): AsyncIterable<TaskStats> {
    return this.#orchestrator.stats(this.#ref, query);
  }
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecSession> {
    return this.#orchestrator.exec(this.#ref, argv, options);
  }
  env(): Promise<TaskEnvView> {
    return this.#orchestrator.env(this.#ref);
  }
  async nomadEvents(options?: { readonly all?: boolean }): Promise<readonly NomadTaskEvent[]> {
    const { nomadEvents } = await import('../projections/look-back.ts');
    return nomadEvents(this.#orchestrator, this.#ref, options);
  }
  async wait(options: Abortable = {}): Promise<TaskView> {
    const view = await this.#roster.until(
      this.allocId,
      options.signal,
      (alloc) => this.#pick(alloc).nomadState === 'dead' || !alloc.isLive,
    );
    return this.#pick(view);
  }

  #pick(view: AllocView): TaskView {
    const found = view.tasks.find((one) => one.task === this.task);
    if (found !== undefined) return found;
    throw new HoldfastError('NOT_FOUND', `alloc ${view.alloc} has no task "${this.task}"`);
  }
}
