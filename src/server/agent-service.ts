/** An orchestrator behind a socket: every method of holdfast.agent.v1 is one call of `api.ts`. */
import { answer, answerStream } from '../rpc/grpc-answer.ts';
import { AgentServiceService, ShutdownRequest_Tasks } from '../rpc/gen/holdfast/agent/v1/agent.ts';
import { EnvServiceService } from '../rpc/gen/holdfast/agent/v1/env.ts';
import { GcServiceService } from '../rpc/gen/holdfast/agent/v1/gc.ts';
import { CountServiceService } from '../rpc/gen/holdfast/agent/v1/counts.ts';
import { HealthServiceService } from '../rpc/gen/holdfast/agent/v1/health.ts';
import { ExecServiceService } from '../rpc/gen/holdfast/agent/v1/exec.ts';
import { PlanServiceService } from '../rpc/gen/holdfast/agent/v1/plan.ts';
import { serve, serveTcp, type Service } from '../rpc/grpc-serve.ts';
import { actingThrough, type Acting } from './acting.ts';
import { AGENT_PROTOCOL, agentSocket } from './agent-socket.ts';
import { toAgent, toAlloc, toRecovery, toTask } from './convert.ts';
import { envHandlers } from './env-messages.ts';
import { execHandlers } from './exec-service.ts';
import { planHandlers } from './plan-messages.ts';
import { fromRunRequest, parseSpec } from './run-messages.ts';
import { withEdgeServices } from './edge-services.ts';
import { gcHandlers } from './gc-messages.ts';
import { countHandlers } from './count-messages.ts';
import { healthHandlers } from './health-messages.ts';
import { eventBatches } from './event-batches.ts';
import { toStatsMessages, toStatsQuery } from './stats-messages.ts';
import { toLogMessages, toLogQuery } from './log-messages.ts';
import type { EventQuery, Orchestrator } from '../api.ts';
import type { AgentServiceServer, EventsRequest } from '../rpc/gen/holdfast/agent/v1/agent.ts';
import type { Listener } from '../rpc/unix-socket.ts';

export interface ServeAgentOptions {
  readonly orchestrator: Orchestrator;
  readonly dataDir: string;
  /** Members of this group of the machine may use the socket too. Left out: its owner alone. */
  readonly socketGroup?: string;
  /** Called after a Shutdown call has closed the orchestrator and was answered. */
  readonly onShutdown?: () => void;
}

/**
 * Serves on `<dataDir>/agent.sock`, mode 0600 or 0660. The caller owns the data directory (it holds the store's lock),
 * so a socket that is left there is a dead agent's and is replaced. Closing the listener does not close the
 * orchestrator.
 */
export function serveAgent(options: ServeAgentOptions): Promise<Listener> {
  const services = withEdgeServices(servicesOf(options), { isServing: true, hasReflection: true });
  return serve(services, agentSocket(options.dataDir), options.socketGroup);
}

/**
 * The same for other machines, at `host:port`: whoever has a certificate of `tls.ca` may do everything there. Errors:
 * UNAVAILABLE for a port that cannot be had, USAGE for certificates that are none.
 */
export function serveAgentTcp(
  options: Omit<ServeAgentOptions, 'dataDir' | 'socketGroup'>,
  place: Parameters<typeof serveTcp>[1],
): ReturnType<typeof serveTcp> {
  const services = withEdgeServices(servicesOf(options), { isServing: true, hasReflection: false });
  return serveTcp(services, place);
}

function servicesOf({
  orchestrator,
  onShutdown = () => undefined,
}: Omit<ServeAgentOptions, 'dataDir' | 'socketGroup'>): readonly Service[] {
  const acting = actingThrough(orchestrator);
  return [
    { definition: AgentServiceService, handlers: agentHandlers(orchestrator, acting, onShutdown) },
    { definition: EnvServiceService, handlers: envHandlers(orchestrator) },
    { definition: PlanServiceService, handlers: planHandlers(orchestrator) },
    { definition: ExecServiceService, handlers: execHandlers(acting) },
    { definition: GcServiceService, handlers: gcHandlers(acting) },
    { definition: CountServiceService, handlers: countHandlers(orchestrator) },
    { definition: HealthServiceService, handlers: healthHandlers(orchestrator) },
  ];
}

function agentHandlers(
  orchestrator: Orchestrator,
  acting: Acting,
  onShutdown: () => void,
): AgentServiceServer {
  return {
    ...viewHandlers(orchestrator),
    ...commandHandlers(acting),
    shutdown: answer(async ({ tasks }, _signal, call) => {
      const stops = tasks === ShutdownRequest_Tasks.STOP;
      await acting(call).close({ tasks: stops ? 'stop' : 'leave' });
      // After the answer has been handed to the connection.
      setImmediate(onShutdown);
      return {};
    }),
  };
}

function viewHandlers(
  orchestrator: Orchestrator,
): Pick<AgentServiceServer, 'hello' | 'listAllocs' | 'inspect' | 'events' | 'logs' | 'stats'> {
  return {
    hello: answer(async () => ({
      protocol: AGENT_PROTOCOL,
      agent: toAgent(await orchestrator.agent()),
      recovery: toRecovery(orchestrator.recovery),
    })),
    listAllocs: answer(async ({ all }) => ({
      allocs: (await orchestrator.allocs({ all })).map(toAlloc),
    })),
    inspect: answer(async ({ ref, at }) => ({
      alloc: toAlloc(await orchestrator.inspect(ref, at === undefined ? {} : { at })),
    })),
    events: answerStream(async function* (request, signal) {
      for await (const events of eventBatches(orchestrator.events(toQuery(request, signal)))) {
        yield { events };
      }
    }),
    stats: answerStream((request, signal) =>
      toStatsMessages(orchestrator.stats(...toStatsQuery(request, signal))),
    ),
    logs: answerStream((request, signal) =>
      toLogMessages(orchestrator.logs(request.ref, toLogQuery(request, signal)), request),
    ),
  };
}

function commandHandlers(
  acting: Acting,
): Pick<AgentServiceServer, 'run' | 'stop' | 'restart' | 'resume' | 'signal' | 'wait'> {
  return {
    run: answer(async (request, signal, call) => {
      const options = { ...fromRunRequest(request), signal };
      const handle = await acting(call).run(parseSpec(request.spec), options);
      return { allocId: handle.allocId, alloc: handle.alloc };
    }),
    stop: answer(async ({ ref, reason, skipShutdownDelay }, signal, call) => {
      const shutdownDelay = skipShutdownDelay ? 'skip' : 'keep';
      const given = reason === '' ? {} : { reason };
      return { alloc: toAlloc(await acting(call).stop(ref, { ...given, shutdownDelay, signal })) };
    }),
    restart: answer(async ({ ref, all }, _signal, call) => {
      await acting(call).restart(ref, { tasks: all ? 'all' : 'running' });
      return {};
    }),
    resume: answer(async ({ ref }, _signal, call) => {
      await acting(call).resume(ref);
      return {};
    }),
    signal: answer(async ({ ref, signal }, _gone, call) => {
      await acting(call).signal(ref, signal);
      return {};
    }),
    wait: answer(async ({ allocId, task }, signal, call) => {
      const handle = await acting(call).alloc(allocId);
      if (task === '') {
        return { ended: { $case: 'alloc', value: toAlloc(await handle.wait({ signal })) } };
      }
      return { ended: { $case: 'task', value: toTask(await handle.task(task).wait({ signal })) } };
    }),
  };
}

function toQuery(request: EventsRequest, signal: AbortSignal): EventQuery {
  const after = request.onlyNew ? ('now' as const) : request.after;
  return {
    signal,
    ...(after === undefined ? {} : { after }),
    ...(request.untilHead ? { until: 'head' } : {}),
    ...(request.storeId === '' ? {} : { storeId: request.storeId }),
    ...(request.ref === '' ? {} : { ref: request.ref }),
    ...(request.types.length === 0 ? {} : { types: request.types }),
  };
}
