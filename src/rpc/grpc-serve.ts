import { createSecureContext } from 'node:tls';
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { HoldfastError, messageOf } from '../errors.ts';
import { groupId } from '../os/accounts.ts';
import { type Listener, publishSocket } from './unix-socket.ts';

export const MESSAGE_LIMIT_BYTES = 16 * 1024 * 1024;

export interface Service {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

/**
 * Listens as `publishSocket` says, also for a group of the machine by its name or number. Throws DATA_DIR_REFUSED for a
 * long path, USAGE for a group that is not known, UNAVAILABLE when the kernel refuses.
 */
export async function serve(
  services: readonly Service[],
  socket: string,
  group?: string,
): Promise<Listener> {
  const server = serverOf(services);
  const plain = ServerCredentials.createInsecure();
  const gid = group === undefined ? undefined : await groupId(group);
  const unpublish = await publishSocket(
    socket,
    async (temporary) => void (await bind(server, `unix:${temporary}`, plain)),
    gid,
  );
  return { socket, close: closing(server, unpublish) };
}

/** PEM texts. Who connects has a certificate of `ca`, or is not heard. */
export interface MutualTls {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Where other machines are served. */
export interface TcpListener {
  /** With the port that was given for port 0. */
  readonly address: string;
  readonly close: (graceMs?: number) => Promise<void>;
  /**
   * New connections need a certificate of this authority, and get this one; those there are go on. Errors: USAGE, and
   * nothing has changed; UNAVAILABLE, and nobody listens any more.
   */
  readonly renew: (tls: MutualTls) => Promise<void>;
}

/**
 * Listens on `host:port`, for clients with a certificate only. Throws UNAVAILABLE when the kernel refuses, USAGE for
 * texts that are no certificate and key.
 */
export async function serveTcp(
  services: readonly Service[],
  { host, port, tls }: { readonly host: string; readonly port: number; readonly tls: MutualTls },
): Promise<TcpListener> {
  const server = serverOf(services);
  const named = host.includes(':') ? `[${host}]` : host;
  const bound = await bind(server, `${named}:${port}`, credentialsOf(tls));
  const address = `${named}:${bound}`;
  const renew = async (fresh: MutualTls): Promise<void> => {
    const credentials = credentialsOf(fresh);
    server.unbind(address);
    await bind(server, address, credentials);
  };
  return { address, close: closing(server, () => undefined), renew };
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
