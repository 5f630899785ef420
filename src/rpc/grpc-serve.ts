import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { HoldfastError, messageOf } from '../errors.ts';
import { type Listener, publishSocket } from './unix-socket.ts';

export const MESSAGE_LIMIT_BYTES = 16 * 1024 * 1024;

export interface Service {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

/** Listens as `publishSocket` says. Throws DATA_DIR_REFUSED for a long path, UNAVAILABLE when the kernel refuses. */
export async function serve(services: readonly Service[], socket: string): Promise<Listener> {
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_LIMIT_BYTES,
  });
  for (const { definition, handlers } of services) server.addService(definition, handlers);
  const unpublish = await publishSocket(socket, (temporary) => bind(server, temporary));
  let closed: Promise<void> | undefined;
  return { socket, close: (graceMs = 0) => (closed ??= close(server, unpublish, graceMs)) };
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(new HoldfastError('UNAVAILABLE', messageOf(error), { cause: error }));
    });
  });
}

async function close(server: Server, unpublish: () => void, graceMs: number): Promise<void> {
  unpublish();
  const cut = setTimeout(() => server.forceShutdown(), graceMs);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  clearTimeout(cut);
}
