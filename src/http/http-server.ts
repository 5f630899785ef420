/** What listens: plain or with a certificate, within limits, and with an answer also for what is no HTTP. */
import { createServer, STATUS_CODES, type Server } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';
import { sentError } from './answer.ts';

/** PEM. */
export interface Pem {
  readonly cert: string;
  readonly key: string;
}

export interface HttpPlace {
  /** 0: any that is free. */
  readonly port: number;
  /** Default 127.0.0.1. Any other than a loopback address needs `tls`. */
  readonly host?: string;
  readonly tls?: Pem;
  /** By which names it may be called, besides `host` and those of the machine itself; without a port. */
  readonly allowedHosts?: readonly string[];
}

interface Hearing {
  readonly hear: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

export interface HttpListener {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** New connections get this certificate. Throws USAGE: nothing has changed. */
  renew(tls: Pem): void;
  /** Waits for answers that are under way; after `graceMs` they are broken off, and `late` is called. */
  close(graceMs: number, late: () => void): Promise<void>;
}

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];
const MOST_CONNECTIONS = 1_024;

const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
};

/** Throws USAGE for a certificate that is none. */
export function httpServer(tls: Pem | undefined, { hear, upgrade }: Hearing): Server {
  /** An answer is under way there. */
  const busy = new WeakSet<Duplex>();
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    busy.add(request.socket);
    response.once('close', () => busy.delete(request.socket));
    hear(request, response);
  };
  const server =
    tls === undefined
      ? createServer(LIMITS, listener)
      : createTlsServer({ ...LIMITS, ...checked(tls) }, listener);
  if (upgrade !== undefined) server.on('upgrade', upgrade);
  server.on('clientError', (error, socket) => {
    // In the middle of another answer it would be taken for a part of it.
    if (socket.writable && !busy.has(socket)) socket.end(refusal(error));
    else socket.destroy();
  });
  server.maxConnections = MOST_CONNECTIONS;
  return server;
}

/** Errors: USAGE for an address that others reach without a certificate; PORT_IN_USE, UNAVAILABLE. */
export async function listen(server: Server, place: HttpPlace): Promise<HttpListener> {
  const { host = '127.0.0.1', tls } = place;
  if (!LOOPBACK.includes(host) && tls === undefined) {
    const message = `others reach ${host}: it needs a certificate and a key, or a loopback address`;
    throw new HoldfastError('USAGE', message);
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(notListening(error, host, place.port)));
    server.listen({ host, port: place.port }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${asHost(host)}:${port}`,
    port,
    renew(fresh) {
      if (server instanceof TlsServer) server.setSecureContext(checked(fresh));
    },
    close: (graceMs, late) => close(server, graceMs, late),
  };
}

/** The names that requests may call a service by: those of the machine itself, and those that it was given. */
export function knownAs({
  host = '127.0.0.1',
  allowedHosts = [],
}: Pick<HttpPlace, 'host' | 'allowedHosts'>): readonly string[] {
  return [...LOOPBACK, host, ...allowedHosts].map(asHost);
}

async function close(server: Server, graceMs: number, late: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const tooLong = setTimeout(() => {
    server.closeAllConnections();
    late();
  }, graceMs);
  await closed;
  clearTimeout(tooLong);
}

/** As it stands in a URL and in the header Host. */
function asHost(host: string): string {
  return host.includes(':') ? `[${host.toLowerCase()}]` : host.toLowerCase();
}

function checked(tls: Pem): Pem {
  try {
    createSecureContext(tls);
    return { cert: tls.cert, key: tls.key };
  } catch (cause) {
    const text = `not a certificate and its key: ${messageOf(cause)}`;
    throw new HoldfastError('USAGE', text, { cause });
  }
}

/** Of what the parser gives up, by its own words for it. */
const STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Nothing of a request is known: it is answered as it stands on the line, and the connection ends. */
function refusal(error: Error): string {
  const status = STATUS[errnoOf(error) ?? ''] ?? 400;
  const words = STATUS_CODES[status] ?? 'Bad Request';
  const message = status === 400 ? 'this is no request of HTTP' : words.toLowerCase();
  const code = status === 408 ? 'TIMEOUT' : 'USAGE';
  const body = JSON.stringify(sentError(new HoldfastError(code, message)));
  const lines = [
    `HTTP/1.1 ${status} ${words}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

function notListening(error: unknown, host: string, port: number): HoldfastError {
  const code = errnoOf(error) === 'EADDRINUSE' ? 'PORT_IN_USE' : 'UNAVAILABLE';
  const message = `cannot listen on ${host} port ${port}: ${messageOf(error)}`;
  return new HoldfastError(code, message, { cause: error });
}
