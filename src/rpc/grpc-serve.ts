import { createSecureContext } from 'node:tls';
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
  const server = serverOf(services);
  const plain = ServerCredentials.createInsecure();
  const unpublish = await publishSocket(
    socket,
    async (temporary) => void (await bind(server, `unix:${temporary}`, plain)),
  );
  return { socket, close: closing(server, unpublish) };
}

/** PEM texts. Who connects has a certificate of `ca`, or is not heard. */
export interface MutualTls {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * Listens on `host:port`, for clients with a certificate only. `address` has the port that was given for port 0. Throws
 * UNAVAILABLE when the kernel refuses, USAGE for texts that are no certificate and key.
 */
export async function serveTcp(
  services: readonly Service[],
  { host, port, tls }: { readonly host: string; readonly port: number; readonly tls: MutualTls },
): Promise<{ readonly address: string; readonly close: (graceMs?: number) => Promise<void> }> {
  const server = serverOf(services);
  const named = host.includes(':') ? `[${host}]` : host;
  const bound = await bind(server, `${named}:${port}`, credentialsOf(tls));
  return { address: `${named}:${bound}`, close: closing(server, () => undefined) };
}

function credentialsOf({ ca, cert, key }: MutualTls): ServerCredentials {
  try {
    // Told here: a listener takes any text and refuses every client then.
    createSecureContext({ ca, cert, key });
  } catch (cause) {
    const text = `not a certificate, its key and an authority: ${messageOf(cause)}`;
    throw new HoldfastError('USAGE', text, { cause });
  }
  return ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], true);
}

function serverOf(services: readonly Service[]): Server {
  const server = new Server({ 'grpc.max_receive_message_length': MESSAGE_LIMIT_BYTES });
  for (const { definition, handlers } of services) server.addService(definition, handlers);
  return server;
}

function closing(server: Server, unpublish: () => void): (graceMs?: number) => Promise<void> {
  let closed: Promise<void> | undefined;
  return (graceMs = 0) => (closed ??= close(server, unpublish, graceMs));
}

/** Gives the port. */
function bind(server: Server, place: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(place, credentials, (error, port) => {
      if (error === null) resolve(port);
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
