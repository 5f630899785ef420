/** The orchestrator of this process: what `openOrchestrator` gives. */
import type { Observable } from 'rxjs';
import type {
  Actor,
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
  Refusal,
  RestartOptions,
  RunOptions,
  StatsQuery,
  StopOptions,
  TaskEnvView,
  TaskStats,
  WhyChain,
} from '../api.ts';
import type { AgentDoors } from '../actors/agent-doors.ts';
import type { AuditTrail } from '../actors/audit-trail.ts';
import type { Retention } from '../actors/retention.ts';
import type { Roster } from '../actors/roster.ts';
import type { HoldfastError } from '../errors.ts';
import type { Abortable } from '../ports.ts';
import type { GroupSpecInput } from '../spec/group-schema.ts';
import { Acceptance } from './acceptance.ts';
import { Audit, type Asked } from './audit.ts';
import { Commands, type CommandDoors } from './commands.ts';
import { attach, exec, type ExecDoors } from './exec.ts';
import { taskEnvView } from './env.ts';
import { healthOf } from './health.ts';
import { LocalAlloc } from './handles.ts';
import { Life, type LifeDoors } from './life.ts';
import { Queries, type QueryDoors } from './queries.ts';
import { taskStats } from './stats.ts';

/** Loaded when it is asked for: an agent that opens has no use for it. */
const lookBack = () => import('../projections/look-back.ts');

export interface LocalDoors extends Omit<CommandDoors, 'assertOpen'>, LifeDoors {
  readonly agent: AgentDoors;
  readonly agentEpoch: number;
  readonly recovery: RecoveryReport;
  readonly onClose: 'stop' | 'leave';
  readonly retention: Pick<Retention, 'gc'>;
  readonly trail: AuditTrail;
  readonly sinks: QueryDoors['sinks'];
}

const LIBRARY: Actor = { via: 'library', name: '' };

export class LocalOrchestrator implements Orchestrator {
  readonly recovery: RecoveryReport;
  readonly ended: Promise<HoldfastError | undefined>;
  readonly #doors: LocalDoors;
  readonly #roster: Roster;
  readonly #actor: Actor;
  readonly #life: Life;
  readonly #audit: Audit;
  readonly #commands: Commands;
  readonly #queries: Queries;

  constructor(doors: LocalDoors, actor: Actor = LIBRARY, life: Life = new Life(doors)) {
    this.#doors = doors;
    this.#actor = actor;
    this.#life = life;
    this.recovery = doors.recovery;
    this.ended = life.ended;
    this.#roster = doors.roster;
    this.#audit = new Audit(doors, actor);
    this.#commands = new Commands(this.#commandDoors);
    this.#queries = new Queries(doors);
  }

  as(actor: Actor | string): Orchestrator {
    const known = typeof actor === 'string' ? { ...LIBRARY, name: actor } : actor;
    return new LocalOrchestrator(this.#doors, known, this.#life);
  }
  noteRefused(refusal: Refusal): void {
    if (!this.#life.isClosing) this.#audit.refused(refusal);
  }

  get #commandDoors(): CommandDoors {
    return { ...this.#doors, assertOpen: () => this.#life.assertOpen() };
  }
  get #execDoors(): ExecDoors {
    const { agent, roster } = this.#doors;
    return { agent, roster, assertOpen: () => this.#life.assertOpen() };
  }
  #handle(allocId: string): AllocHandle {
    return new LocalAlloc(allocId, this.#roster, this);
  }

  #audited<T>(asked: Asked, work: () => Promise<T>): Promise<T> {
    this.#life.assertOpen();
    return this.#audit.around(asked, work);
  }

  async run(spec: GroupSpecInput, options: RunOptions = {}): Promise<AllocHandle> {
    // Known beforehand, so that the command can be found by the alloc that it made.
    const fresh = options.allocId ?? options.requestId ?? this.#doors.newAllocId();
    const doors = { ...this.#commandDoors, newAllocId: () => fresh };
    const ref = nameIn(spec);
    const live = options.allocId === undefined ? this.#roster.liveByName(ref) : undefined;
    const allocIds = [...new Set([...(live === undefined ? [] : [live]), fresh])];
    const work = (): Promise<string> => new Acceptance(doors).run(spec, options);
    return this.#handle(await this.#audited({ command: 'run', ref, allocIds }, work));
  }
  plan(spec: GroupSpecInput, options?: PlanOptions): Promise<GroupPlan> {
    return new Acceptance(this.#commandDoors).plan(spec, options);
  }
  async alloc(ref: string): Promise<AllocHandle> {
    return this.#handle(this.#roster.resolve(ref).allocId);
  }
  async stop(ref: string, options: StopOptions = {}): Promise<AllocView> {
    const { reason, shutdownDelay } = options;
    const asked = { command: 'stop', ref, options: { reason, shutdownDelay } };
    return this.#audited(asked, () => this.#commands.stop(ref, options));
  }
  async restart(ref: string, options: RestartOptions = {}): Promise<void> {
    const asked = { command: 'restart', ref, options: { tasks: options.tasks } };
    return this.#audited(asked, () => this.#commands.restart(ref, options));
  }
  async resume(ref: string): Promise<void> {
    return this.#audited({ command: 'resume', ref }, () => this.#commands.resume(ref));
  }
  async signal(ref: string, signal: string): Promise<void> {
    const asked = { command: 'signal', ref, options: { signal } };
    return this.#audited(asked, () => this.#commands.signal(ref, signal));
  }
  async gc(options: GcOptions = {}): Promise<GcReport> {
    this.#life.assertOpen();
    const { retention } = this.#doors;
    if (options.dryRun === true) return retention.gc(options);
    const { ref = '', all } = options;
    const meant = ref === '' ? { allocIds: [] } : {};
    const asked = {
      command: 'gc',
      ref,
      ...meant,
      options: { all: all === true ? 'yes' : undefined },
    };
    return this.#audited(asked, () => retention.gc(options));
  }

  async exec(
    ref: string,
    argv: readonly string[],
    options: ExecOptions = {},
  ): Promise<ExecSession> {
    const { name } = this.#actor;
    const named = { ...(name === '' ? {} : { actor: name }), ...options };
    const work = (): Promise<ExecSession> => exec(this.#execDoors, ref, argv, named);
    return this.#audited({ command: 'exec', ref }, work);
  }
  async attach(session: string, options: AttachOptions = {}): Promise<ExecSession> {
    const asked = { command: 'attach', ref: session, allocIds: [] };
    return this.#audited(asked, () => attach(this.#execDoors, session, options));
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
    const tasks = options.tasks ?? this.#doors.onClose;
    return this.#life.close(async () => {
      const work = async (): Promise<void> => {
        if (tasks === 'stop') await this.#commands.stopAll();
        this.#doors.agent.record('AgentStopping', { tasks });
      };
      // That a program closes what it has opened is no command of somebody.
      if (this.#actor.via === 'library') return work();
      const asked = { command: 'close', ref: '', allocIds: [], options: { tasks } };
      await this.#audit.around(asked, work);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Of a spec that nobody has looked at yet. */
function nameIn(spec: unknown): string {
  const name = typeof spec === 'object' && spec !== null && 'name' in spec ? spec.name : '';
  return typeof name === 'string' ? name : '';
}
