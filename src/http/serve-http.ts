/**
 * The orchestrator over HTTP: JSON for what is asked once, streams for what goes on. It only translates; whatever is
 * true over HTTP is true in process.
 */
import { createServer, type Server } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';
import { silentLogger, type Logger } from '../ports.ts';
import { Conversations } from './conversations.ts';
import { Guard } from './guard.ts';
import { Tokens } from './tokens.ts';
import type { Orchestrator } from '../api.ts';

export interface ServeHttpOptions {
  /** 0: any that is free. */
  readonly port: number;
  /** Default 127.0.0.1. Any other than a loopback address needs `tls`. */
  readonly host?: string;
  /** PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** By which names it may be called, besides `host` and those of the machine itself; without a port. */
  readonly allowedHosts?: readonly string[];
  /** Where the tokens are. Default: the state directory of the orchestrator. */
  readonly tokenDir?: string;
  /** Drivers whose tasks are isolated, so that `exec` is enough beside them. Default exec and docker. */
  readonly isolatedDrivers?: readonly string[];
  readonly logger?: Logger;
  /** How often a stream says something that has nothing to say. Default 10,000. */
  readonly heartbeatMs?: number;
  /** Called after a shutdown was asked for, done and answered. */
  readonly onShutdown?: () => void;
}

export interface HttpService {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Ends streams, waits for answers that are under way, `graceMs` at most. Leaves the orchestrator alone. */
  close(graceMs?: number): Promise<void>;
}

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];
const MOST_CONNECTIONS = 1_024;
const CLOSE_GRACE_MS = 5_000;
/** Beside tasks of other drivers a command is one of the machine. */
const ISOLATED = ['exec', 'docker'];
const HEARTBEAT_MS = 10_000;

const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
};

/**
 * Resolves when it listens. Errors: USAGE for an address that others reach without `tls`; PORT_IN_USE; what the file
 * system says of the tokens.
 */
export async function serveHttp(
  orchestrator: Orchestrator,
  options: ServeHttpOptions,
): Promise<HttpService> {
  const { host = '127.0.0.1', tls, allowedHosts = [], logger = silentLogger } = options;
  if (!LOOPBACK.includes(host) && tls === undefined) {
    const message = `others reach ${host}: it needs a certificate and a key, or a loopback address`;
    throw new HoldfastError('USAGE', message);
  }
  const { dataDir, storeId } = await orchestrator.agent();
  const hosts = [...LOOPBACK, host, ...allowedHosts].map(asHost);
  const guard = new Guard({
    tokens: new Tokens(options.tokenDir ?? join(dataDir, 'state')),
    hosts,
    scheme: tls === undefined ? 'http' : 'https',
  });
  const conversations = new Conversations({
    orchestrator,
    guard,
    logger,
    storeId,
    isolatedDrivers: options.isolatedDrivers ?? ISOLATED,
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
    onShutdown: options.onShutdown ?? (() => undefined),
  });
  const server = serverOf(conversations, tls);
  await listening(server, host, options.port);
  const { port } = server.address() as AddressInfo;
  const url = `${tls === undefined ? 'http' : 'https'}://${asHost(host)}:${port}`;
  return { url, port, close: (graceMs) => close(server, conversations, graceMs) };
}

function serverOf(conversations: Conversations, tls: ServeHttpOptions['tls']): Server {
  const listener = (request: IncomingMessage, response: ServerResponse): void =>
    void conversations.hear(request, response);
  const server =
    tls === undefined
      ? createServer(LIMITS, listener)
      : createTlsServer({ ...LIMITS, ...tls }, listener);
  server.on('upgrade', (request, socket, head) => {
    void conversations.upgrade(request, socket, head);
  });
  server.maxConnections = MOST_CONNECTIONS;
  return server;
}

async function close(
  server: Server,
  conversations: Conversations,
  graceMs = CLOSE_GRACE_MS,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  conversations.end();
  server.closeIdleConnections();
  const tooLong = setTimeout(() => {
    server.closeAllConnections();
    conversations.breakOff();
  }, graceMs);
  await closed;
  clearTimeout(tooLong);
}

/** As it stands in a URL and in the header Host. */
function asHost(host: string): string {
  return host.includes(':') ? `[${host.toLowerCase()}]` : host.toLowerCase();
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(notListening(error, host, port)));
    server.listen({ host, port }, resolve);
  });
}

function notListening(error: unknown, host: string, port: number): HoldfastError {
  const code = errnoOf(error) === 'EADDRINUSE' ? 'PORT_IN_USE' : 'UNAVAILABLE';
  const message = `cannot listen on ${host} port ${port}: ${messageOf(error)}`;
  return new HoldfastError(code, message, { cause: error });
}
