/** The orchestrator of this process: what `openOrchestrator` gives. */
import type { Observable } from 'rxjs';
import type {
  AgentView,
  AllocHandle,
  AllocView,
  AttachOptions,
  CountView,
  EventQuery,
  ExecOptions,
  ExecSession,
  GroupPlan,
  PlanOptions,
  GcOptions,
  GcReport,
  HealthView,
  HistoryEntry,
  LogChunk,
  LogQuery,
  Orchestrator,
  PublicEvent,
  RecoveryReport,
  RestartOptions,
  RunOptions,
  StatsQuery,
  StopOptions,
  TaskEnvView,
  TaskStats,
  WhyChain,
} from '../api.ts';
import type { Retention } from '../actors/retention.ts';
import type { Roster } from '../actors/roster.ts';
import { HoldfastError } from '../errors.ts';
import type { Abortable } from '../ports.ts';
import type { GroupSpecInput } from '../spec/group-schema.ts';
import { Acceptance } from './acceptance.ts';
import { Commands, type CommandDoors } from './commands.ts';
import { attach, exec, type ExecDoors } from './exec.ts';
import { taskEnvView } from './env.ts';
import { healthOf } from './health.ts';
import { LocalAlloc } from './handles.ts';
import { Queries } from './queries.ts';
import { taskStats } from './stats.ts';

/** Loaded when it is asked for: an agent that opens has no use for it. */
const lookBack = () => import('../projections/look-back.ts');

export interface LocalDoors extends Omit<CommandDoors, 'assertOpen'> {
  readonly agentEpoch: number;
  readonly recovery: RecoveryReport;
  readonly onClose: 'stop' | 'leave';
  readonly retention: Pick<Retention, 'gc'>;
  /** Ends the actors, lets go of the hosts, closes the log and frees the lock. */
  readonly shutDown: () => Promise<void>;
}

export class LocalOrchestrator implements Orchestrator {
  readonly recovery: RecoveryReport;
  readonly ended: Promise<HoldfastError | undefined>;
  readonly #doors: LocalDoors;
  readonly #roster: Roster;
  readonly #acceptance: Acceptance;
  readonly #commands: Commands;
  readonly #queries: Queries;
  readonly #ended = Promise.withResolvers<HoldfastError | undefined>();
  #closed: Promise<void> | undefined;
  #failure: HoldfastError | undefined;

  constructor(doors: LocalDoors) {
    this.#doors = doors;
    this.recovery = doors.recovery;
    this.ended = this.#ended.promise;
    this.#roster = doors.roster;
    const commandDoors = { ...doors, assertOpen: (): void => this.#assertOpen() };
    this.#acceptance = new Acceptance(commandDoors);
    this.#commands = new Commands(commandDoors);
    this.#queries = new Queries(doors);
    void doors.agent.log.failed.then((error) => this.#failStop(error));
  }

  /** What is on the disk is unknown from here on: nothing may be done because of it until the log is opened anew. */
  #failStop(error: HoldfastError): void {
    this.#failure = error;
    this.#doors.agent.logger.error(
      { code: error.code, error: error.message },
      'stopped: tasks go on',
    );
    this.#closed ??= this.#doors.shutDown();
    void this.#closed.finally(() => this.#ended.resolve(error)).catch(() => undefined);
  }

  #assertOpen(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed !== undefined) throw new HoldfastError('CLOSED', 'the orchestrator is closed');
  }
  get #execDoors(): ExecDoors {
    const { agent, roster } = this.#doors;
    return { agent, roster, assertOpen: () => this.#assertOpen() };
  }
  #handle(allocId: string): AllocHandle {
    return new LocalAlloc(allocId, this.#roster, this);
  }

  async run(spec: GroupSpecInput, options?: RunOptions): Promise<AllocHandle> {
    return this.#handle(await this.#acceptance.run(spec, options));
  }
  plan(spec: GroupSpecInput, options?: PlanOptions): Promise<GroupPlan> {
    return this.#acceptance.plan(spec, options);
  }
  async alloc(ref: string): Promise<AllocHandle> {
    return this.#handle(this.#roster.resolve(ref).allocId);
  }
  stop(ref: string, options?: StopOptions): Promise<AllocView> {
    return this.#commands.stop(ref, options);
  }
  restart(ref: string, options?: RestartOptions): Promise<void> {
    return this.#commands.restart(ref, options);
  }
  resume(ref: string): Promise<void> {
    return this.#commands.resume(ref);
  }
  signal(ref: string, signal: string): Promise<void> {
    return this.#commands.signal(ref, signal);
  }
  async gc(options?: GcOptions): Promise<GcReport> {
    this.#assertOpen();
    return this.#doors.retention.gc(options);
  }

  exec(ref: string, argv: readonly string[], options: ExecOptions = {}): Promise<ExecSession> {
    return exec(this.#execDoors, ref, argv, options);
  }
  attach(session: string, options: AttachOptions = {}): Promise<ExecSession> {
    return attach(this.#execDoors, session, options);
  }

  agent(): Promise<AgentView> {
    return this.#queries.agent();
  }
  allocs(options?: { all?: boolean }): Promise<readonly AllocView[]> {
    return this.#queries.allocs(options);
  }
  inspect(ref: string, options?: { at?: number }): Promise<AllocView> {
    return this.#queries.inspect(ref, options);
  }
  env(ref: string): Promise<TaskEnvView> {
    return taskEnvView(this.#doors, ref);
  }
  async health(ref?: string): Promise<HealthView> {
    return healthOf(this.#roster, ref);
  }
  async counts(): Promise<readonly CountView[]> {
    return this.#doors.agent.counts.current;
  }
  async history(ref: string): Promise<readonly HistoryEntry[]> {
    return (await lookBack()).history(this, ref);
  }
  async why(ref: string): Promise<readonly WhyChain[]> {
    return (await lookBack()).why(this, ref);
  }
  logs(ref: string, query?: LogQuery): AsyncIterable<LogChunk> {
    return this.#queries.logs(ref, query);
  }
  stats(ref?: string, query: StatsQuery = {}): AsyncIterable<TaskStats> {
    return taskStats(this.#doors, ref, query, this.ended);
  }
  events(query?: EventQuery): AsyncIterable<PublicEvent> {
    return this.#queries.events(query);
  }
  events$(query?: EventQuery): Observable<PublicEvent> {
    return this.#queries.events$(query);
  }

  close(options: { tasks?: 'stop' | 'leave' } & Abortable = {}): Promise<void> {
    this.#closed ??= this.#close(options.tasks ?? this.#doors.onClose);
    return this.#closed;
  }

  async #close(tasks: 'stop' | 'leave'): Promise<void> {
    if (tasks === 'stop') await this.#commands.stopAll();
    this.#doors.agent.record('AgentStopping', { tasks });
    await this.#doors.shutDown();
    this.#ended.resolve(this.#failure);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
