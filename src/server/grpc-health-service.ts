/** grpc.health.v1, for probes and load balancers: is the API of this agent there, as a whole and by service? */
import type { handleServerStreamingCall } from '@grpc/grpc-js';
import { HoldfastError } from '../errors.ts';
import {
  HealthCheckResponse_ServingStatus as Status,
  HealthService,
  type HealthCheckRequest,
  type HealthCheckResponse,
} from '../rpc/gen/grpc/health/v1/health.ts';
import { answer } from '../rpc/grpc-answer.ts';
import type { Service } from '../rpc/grpc-serve.ts';

/** `served` are the full names of the services. What does not change while the listener lives is told once. */
export function grpcHealthService(served: readonly string[], isServing: boolean): Service {
  const known = new Set(['', ...served]);
  const verdict = isServing ? Status.SERVING : Status.NOT_SERVING;
  const watch: handleServerStreamingCall<HealthCheckRequest, HealthCheckResponse> = (call) => {
    call.write({ status: known.has(call.request.service) ? verdict : Status.SERVICE_UNKNOWN });
    // An agent that ends cuts the stream, which its watchers take for what it is.
    call.on('cancelled', () => call.end());
  };
  return {
    definition: HealthService,
    handlers: {
      check: answer(({ service }: HealthCheckRequest) => {
        if (known.has(service)) return { status: verdict };
        throw new HoldfastError('NOT_FOUND', `there is no service ${service} here`);
      }),
      watch,
    },
  };
}
