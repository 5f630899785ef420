import type { Service } from '../rpc/grpc-serve.ts';
import { grpcHealthService } from './grpc-health-service.ts';
import { reflectionService } from './reflection-service.ts';

/** With the services that every gRPC server is expected to have, about these ones. */
export function withEdgeServices(
  services: readonly Service[],
  { isServing, hasReflection }: { readonly isServing: boolean; readonly hasReflection: boolean },
): readonly Service[] {
  const names = services.map(({ definition }) => serviceName(definition));
  const health = grpcHealthService(names, isServing);
  const all = [...services, health];
  if (!hasReflection) return all;
  return [...all, reflectionService([...names, serviceName(health.definition)])];
}

/** Every method's path is `/<full name of the service>/<method>`. */
function serviceName(definition: Service['definition']): string {
  const [method] = Object.values(definition);
  return method?.path.split('/')[1] ?? '';
}
