import { randomUUID } from 'node:crypto';
import { HoldfastError } from '../errors.ts';
import { AgentServiceService as agent } from '../rpc/gen/holdfast/agent/v1/agent.ts';
import { EnvServiceService as environment } from '../rpc/gen/holdfast/agent/v1/env.ts';
import { PlanServiceService as plans } from '../rpc/gen/holdfast/agent/v1/plan.ts';
import { GcServiceService as garbage } from '../rpc/gen/holdfast/agent/v1/gc.ts';
import { CountServiceService as counting } from '../rpc/gen/holdfast/agent/v1/counts.ts';
import { HealthServiceService as healthService } from '../rpc/gen/holdfast/agent/v1/health.ts';
import { ShutdownRequest_Tasks } from '../rpc/gen/holdfast/agent/v1/agent.ts';
import { fromAgent, fromAlloc, fromEvent } from '../server/convert.ts';
import { toOpen } from '../server/exec-messages.ts';
import { fromEnvMessage } from '../server/env-messages.ts';
import { fromGcMessage, toGcRequest } from '../server/gc-messages.ts';
import { fromHealthMessage } from '../server/health-messages.ts';
import { fromPlanMessage } from '../server/plan-messages.ts';
import { toRunRequest, toSpecBytes } from '../server/run-messages.ts';
import { fromStatsMessage, toStatsRequest } from '../server/stats-messages.ts';
import { fromLogMessages, toLogsRequest } from '../server/log-messages.ts';
import type { AgentLine } from './agent-line.ts';
import { unanswered } from './unanswered.ts';
import { observe } from './observe.ts';
import { lookBack, RemoteAlloc } from './remote-handles.ts';
import type { Observable } from 'rxjs';
import type * as api from '../api.ts';
import type { CalledMethod, CallOptions } from '../rpc/method.ts';
import type { GroupSpecInput } from '../spec/group-schema.ts';

/** An orchestrator in another process. Made by `connectOrchestrator`. */
export class RemoteOrchestrator implements api.Orchestrator {
  readonly recovery: api.RecoveryReport;
  /** Of this connection: the agent itself may well go on. */
  readonly ended: Promise<undefined>;
  readonly #line: AgentLine;

  constructor(line: AgentLine, recovery: api.RecoveryReport) {
    this.recovery = recovery;
    this.#line = line;
    this.ended = new Promise((resolve) => {
      line.closing.addEventListener('abort', () => resolve(undefined), { once: true });
    });
  }

  as(actor: api.Actor | string): api.Orchestrator {
    const name = typeof actor === 'string' ? actor : actor.name;
    return new RemoteOrchestrator(this.#line.actingFor(name), this.recovery);
  }
  noteRefused(): void {
    // The agent records whom it refuses.
  }

  async agent(): Promise<api.AgentView> {
    const { agent: view } = await this.call(agent.hello, {});
    return fromAgent(given(view));
  }
  async run(spec: GroupSpecInput, options: api.RunOptions = {}): Promise<api.AllocHandle> {
    const requestId = options.requestId ?? randomUUID();
    const request = toRunRequest(spec, options, requestId);
    try {
      const { allocId, alloc } = await this.call(agent.run, request, options);
      return new RemoteAlloc(this, allocId, alloc);
    } catch (error) {
      throw unanswered(error, options.allocId ?? requestId);
    }
  }

  async plan(spec: GroupSpecInput, { allocId }: api.PlanOptions = {}): Promise<api.GroupPlan> {
    return fromPlanMessage(await this.call(plans.plan, { spec: toSpecBytes(spec), allocId }));
  }

  async alloc(ref: string): Promise<api.AllocHandle> {
    const { allocId, alloc } = await this.inspect(ref);
    return new RemoteAlloc(this, allocId, alloc);
  }

  async allocs(options: { all?: boolean } = {}): Promise<readonly api.AllocView[]> {
    const { allocs } = await this.call(agent.listAllocs, { all: options.all ?? false });
    return allocs.map(fromAlloc);
  }

  async inspect(ref: string, options: { at?: number } = {}): Promise<api.AllocView> {
    const { alloc } = await this.call(agent.inspect, { ref, at: options.at });
    return fromAlloc(given(alloc));
  }

  async stop(ref: string, options: api.StopOptions = {}): Promise<api.AllocView> {
    const skipShutdownDelay = options.shutdownDelay === 'skip';
    const request = { ref, reason: options.reason ?? '', skipShutdownDelay };
    const { alloc } = await this.call(agent.stop, request, options);
    return fromAlloc(given(alloc));
  }

  async restart(ref: string, options: api.RestartOptions = {}): Promise<void> {
    await this.call(agent.restart, { ref, all: options.tasks === 'all' });
  }

  async resume(ref: string): Promise<void> {
    await this.call(agent.resume, { ref });
  }
  async signal(ref: string, signal: string): Promise<void> {
    await this.call(agent.signal, { ref, signal });
  }
  async env(ref: string): Promise<api.TaskEnvView> {
    return fromEnvMessage(await this.call(environment.env, { ref }));
  }
  async health(ref = ''): Promise<api.HealthView> {
    return fromHealthMessage(await this.call(healthService.health, { ref }));
  }
  async counts(): Promise<readonly api.CountView[]> {
    return (await this.call(counting.listCounts, {})).counts;
  }
  async gc(options: api.GcOptions = {}): Promise<api.GcReport> {
    return fromGcMessage(await this.call(garbage.gc, toGcRequest(options)));
  }
  async history(ref: string): Promise<readonly api.HistoryEntry[]> {
    return (await lookBack()).history(this, ref);
  }
  async why(ref: string): Promise<readonly api.WhyChain[]> {
    return (await lookBack()).why(this, ref);
  }

  async *logs(
    ref: string,
    query: api.LogQuery = {},
  ): AsyncGenerator<api.LogChunk, void, undefined> {
    const messages = this.#line.follow(agent.logs, toLogsRequest(ref, query), query.signal);
    for await (const message of messages) {
      for (const chunk of fromLogMessages(message)) {
        // Those of a batch that stands here already are not for somebody who has left.
        if (query.signal?.aborted === true || this.#line.closing.aborted) return;
        yield chunk;
      }
    }
  }

  async *stats(
    ref?: string,
    query: api.StatsQuery = {},
  ): AsyncGenerator<api.TaskStats, void, undefined> {
    const messages = this.#line.follow(agent.stats, toStatsRequest(ref, query), query.signal);
    for await (const { samples } of messages) yield* samples.map(fromStatsMessage);
  }

  async *events(query: api.EventQuery = {}): AsyncGenerator<api.PublicEvent, void, undefined> {
    const request = {
      after: query.after === 'now' ? undefined : query.after,
      onlyNew: query.after === 'now',
      untilHead: query.until === 'head',
      storeId: query.storeId ?? '',
      ref: query.ref ?? '',
      types: [...(query.types ?? [])],
    };
    for await (const { events } of this.#line.follow(agent.events, request, query.signal)) {
      for (const event of events) {
        // Events of a batch that stands here already are not for somebody who has left.
        if (query.signal?.aborted === true || this.#line.closing.aborted) return;
        yield fromEvent(event);
      }
    }
  }

  exec(
    ref: string,
    argv: readonly string[],
    options: api.ExecOptions = {},
  ): Promise<api.ExecSession> {
    return this.#line.openSession({ $case: 'open', value: toOpen(ref, argv, options) }, options);
  }

  attach(session: string, options: api.AttachOptions = {}): Promise<api.ExecSession> {
    const { after } = options;
    return this.#line.openSession({ $case: 'attach', value: { session, after } }, options);
  }

  events$(query: api.EventQuery = {}): Observable<api.PublicEvent> {
    return observe((signal) => this.events({ ...query, signal }), query.signal);
  }

  async close(options: { tasks?: 'stop' | 'leave'; signal?: AbortSignal } = {}): Promise<void> {
    if (this.#line.closing.aborted) return;
    if (options.tasks !== undefined) {
      const tasks =
        options.tasks === 'stop' ? ShutdownRequest_Tasks.STOP : ShutdownRequest_Tasks.LEAVE;
      await this.call(agent.shutdown, { tasks }, options);
    }
    this.#line.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** As `AgentLine.call`. */
  call<Request, Response>(
    method: CalledMethod<Request, Response>,
    request: Request,
    options?: CallOptions,
  ): Promise<Response> {
    return this.#line.call(method, request, options);
  }
}

/** A message field that the agent always sends. */
function given<T>(field: T | undefined): T {
  if (field !== undefined) return field;
  throw new HoldfastError('INTERNAL', 'the agent left out a part of its answer');
}
