/**
 * The orchestrator over HTTP: JSON for what is asked once, streams for what goes on. It only translates; whatever is
 * true over HTTP is true in process.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';
import { silentLogger, type Logger } from '../ports.ts';
import { answerError, writeAnswer } from './answer.ts';
import { readBody, readQuery } from './fields.ts';
import { Guard } from './guard.ts';
import { Matcher } from './match.ts';
import { receiveJson } from './receive.ts';
import { ROUTES } from './routes.ts';
import { Tokens } from './tokens.ts';
import type { Orchestrator } from '../api.ts';
import type { Call } from './route.ts';

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
  const conversation = new Conversations({
    orchestrator,
    guard,
    logger,
    storeId,
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
    onShutdown: options.onShutdown ?? (() => undefined),
  });
  const listener = (request: IncomingMessage, response: ServerResponse): void =>
    void conversation.hear(request, response);
  const server =
    tls === undefined
      ? createServer(LIMITS, listener)
      : createTlsServer({ ...LIMITS, ...tls }, listener);
  server.maxConnections = MOST_CONNECTIONS;
  await listening(server, host, options.port);
  const { port } = server.address() as AddressInfo;
  const url = `${tls === undefined ? 'http' : 'https'}://${asHost(host)}:${port}`;
  return {
    url,
    port,
    async close(graceMs = CLOSE_GRACE_MS) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      conversation.end();
      server.closeIdleConnections();
      const tooLong = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(tooLong);
    },
  };
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

interface Doors {
  readonly orchestrator: Orchestrator;
  readonly guard: Guard;
  readonly logger: Logger;
  readonly storeId: string;
  readonly heartbeatMs: number;
  readonly onShutdown: () => void;
}

class Conversations {
  readonly #doors: Doors;
  readonly #matcher = new Matcher(ROUTES);
  readonly #ended = new AbortController();

  constructor(doors: Doors) {
    this.#doors = doors;
  }

  end(): void {
    this.#ended.abort(new HoldfastError('CLOSED', 'the service ends'));
  }

  /** Never rejects. */
  async hear(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort(new HoldfastError('ABORTED', 'the caller went away')));
    // A connection that has had its last answer shall not be waited for.
    response.once('finish', () => this.#ended.signal.aborted && request.socket.end());
    // Whoever breaks off is heard of by `close`.
    response.on('error', () => undefined);
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('holdfast-store-id', this.#doors.storeId);
    try {
      await this.#serve(request, response, AbortSignal.any([gone.signal, this.#ended.signal]));
    } catch (error) {
      const { code, message, stack } = HoldfastError.from(error);
      if (code === 'INTERNAL') this.#doors.logger.error({ stack }, message);
      // What was not read of it would be taken for the next request.
      if (!request.complete) response.setHeader('connection', 'close');
      answerError(response, error);
    }
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const { guard, orchestrator, heartbeatMs, onShutdown } = this.#doors;
    guard.assertPlace(request);
    const [path = '', query = ''] = (request.url ?? '').split(/\?(.*)/s);
    const { route, pieces } = this.#matcher.find(request.method ?? '', path);
    const caller = route.scope && guard.callerFor(request, route.scope);
    const asked = readQuery(new URLSearchParams(query), route.query, Date.now());
    const body = readBody(route.method === 'POST' ? await receiveJson(request) : {}, route.body);
    const call: Call = {
      orchestrator,
      ref: pieces.join('/'),
      query: asked,
      body,
      signal,
      headers: request.headers,
      actor: caller?.name ?? '',
      heartbeatMs,
      shutDown: () => response.once('close', onShutdown),
    };
    await writeAnswer(response, await route.serve(call), signal);
  }
}
