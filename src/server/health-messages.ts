/** Services and checks as messages, both ways. */
import type { CheckView, HealthView, Orchestrator, ServiceView } from '../api.ts';
import { answer } from '../rpc/grpc-answer.ts';
import type * as message from '../rpc/gen/holdfast/agent/v1/health.ts';

export function healthHandlers(orchestrator: Orchestrator): message.HealthServiceServer {
  return {
    health: answer(async ({ ref }) =>
      toHealthMessage(await orchestrator.health(ref === '' ? undefined : ref)),
    ),
  };
}

function toHealthMessage({ services, checks }: HealthView): message.HealthResponse {
  return {
    services: services.map(({ port, status, tags, meta, ...rest }) => ({
      ...rest,
      tags: [...tags],
      meta: { ...meta },
      port: port ?? undefined,
      status: status ?? undefined,
    })),
    checks: checks.map(({ service, since, ...rest }) => ({
      ...rest,
      service: service ?? undefined,
      since: since ?? undefined,
    })),
  };
}

export function fromHealthMessage({ services, checks }: message.HealthResponse): HealthView {
  return {
    services: services.map(({ port, status, ...rest }) => ({
      ...rest,
      port: port ?? null,
      status: (status ?? null) as ServiceView['status'],
    })),
    checks: checks.map(({ service, since, type, status, ...rest }) => ({
      ...rest,
      service: service ?? null,
      since: since ?? null,
      type: type as CheckView['type'],
      status: status as CheckView['status'],
    })),
  };
}
