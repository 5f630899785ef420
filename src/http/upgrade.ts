/** From a request that asks for a WebSocket to one. */
import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { HoldfastError } from '../errors.ts';
import { sentError, statusOf } from './answer.ts';

export const EXEC_PROTOCOL = 'holdfast.exec.v1';
const MOST_MESSAGE = 2 ** 20;

/** Loaded with the first one. */
let server: Promise<import('ws').WebSocketServer> | undefined;

/** Throws USAGE for one that speaks another protocol, or none. */
export async function agree(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<WebSocket> {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',');
  if (!offered.some((name) => name.trim() === EXEC_PROTOCOL)) {
    throw new HoldfastError('USAGE', `the protocol is ${EXEC_PROTOCOL}`);
  }
  server ??= import('ws').then(
    ({ WebSocketServer }) =>
      new WebSocketServer({
        noServer: true,
        maxPayload: MOST_MESSAGE,
        handleProtocols: () => EXEC_PROTOCOL,
      }),
  );
  const sockets = await server;
  return new Promise((resolve) => sockets.handleUpgrade(request, socket, head, resolve));
}

/** In words of HTTP, as it is not a WebSocket yet. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const body = Buffer.from(JSON.stringify(sentError(error)));
  const status = statusOf(error);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    'connection: close',
  ];
  socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]));
}
