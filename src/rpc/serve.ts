import { chmod, rename } from 'node:fs/promises';
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { HoldfastError, messageOf } from '../errors.ts';
import { removeFile } from '../os/atomic-file.ts';

/** The kernel takes 107 bytes; the rest is room for the temporary name. */
const SOCKET_PATH_LIMIT_BYTES = 100;

export const MESSAGE_LIMIT_BYTES = 16 * 1024 * 1024;

export interface Service {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

export interface Listener {
  readonly socket: string;
  /** Takes no new calls, waits `graceMs` for running ones, cuts the rest off and removes the socket. Repeatable. */
  close(graceMs?: number): Promise<void>;
}

/** Throws DATA_DIR_REFUSED for a path that cannot be a unix socket's. */
export function assertSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= SOCKET_PATH_LIMIT_BYTES) return;
  throw new HoldfastError(
    'DATA_DIR_REFUSED',
    `the socket path is ${bytes} bytes long and at most ${SOCKET_PATH_LIMIT_BYTES} work: ` +
      `choose a data directory with a shorter path (${path})`,
  );
}

/**
 * Listens on a unix socket of mode 0600. It is bound under another name and renamed, so that whoever finds `socket`
 * finds somebody listening; one left by a dead process is replaced.
 * Throws DATA_DIR_REFUSED for a long path, UNAVAILABLE when the kernel refuses.
 */
export async function serve(services: readonly Service[], socket: string): Promise<Listener> {
  assertSocketPath(socket);
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_LIMIT_BYTES,
  });
  for (const { definition, handlers } of services) server.addService(definition, handlers);
  const temporary = `${socket}~`;
  removeFile(temporary);
  await bind(server, temporary);
  await chmod(temporary, 0o600);
  await rename(temporary, socket);
  let closed: Promise<void> | undefined;
  return { socket, close: (graceMs = 0) => (closed ??= close(server, socket, graceMs)) };
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(new HoldfastError('UNAVAILABLE', messageOf(error), { cause: error }));
    });
  });
}

async function close(server: Server, socket: string, graceMs: number): Promise<void> {
  removeFile(socket);
  const cut = setTimeout(() => server.forceShutdown(), graceMs);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  clearTimeout(cut);
}
