/**
 * HTTP of an agent that cannot serve yet: whoever looks hears that the process lives and is not ready; everything else
 * is to be asked again. Nobody's token is looked at, so nothing is told that not everybody may know.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ERROR_CODES, HoldfastError, type ErrorCode } from '../errors.ts';
import { answerError, writeAnswer } from './answer.ts';
import { Guard } from './guard.ts';
import { httpServer, knownAs, listen, type HttpListener, type HttpPlace } from './http-server.ts';
import type { Answer } from './route.ts';

export interface WaitingReason {
  readonly code: ErrorCode;
  /** When to ask again. */
  readonly retryAfterMs: number;
}

/** Errors: those of `listen`. `reason` is asked with every call. */
export async function serveWaitingHttp(
  place: HttpPlace,
  reason: () => WaitingReason,
): Promise<HttpListener> {
  const guard = new Guard({
    tokens: NOBODY,
    hosts: knownAs(place),
    scheme: place.tls === undefined ? 'http' : 'https',
  });
  const hear = (request: IncomingMessage, response: ServerResponse): void => {
    response.on('error', () => undefined);
    response.setHeader('cache-control', 'no-store');
    // What comes next is for the service that follows, on a connection of its own.
    response.setHeader('connection', 'close');
    try {
      guard.assertPlace(request);
      const answer = answerTo(request, reason());
      void writeAnswer(response, answer, new AbortController().signal);
    } catch (error) {
      answerError(response, error);
    }
  };
  return listen(httpServer(place.tls, { hear }), place);
}

function answerTo(
  { method, url = '' }: IncomingMessage,
  { code, retryAfterMs }: WaitingReason,
): Answer {
  const [path] = url.split('?');
  if (method === 'GET' && path === '/v1/health/live') return { json: { status: 'ok' } };
  if (method === 'GET' && path === '/v1/health/ready') {
    return { json: { status: 'not ready', reason: code }, status: ERROR_CODES.UNAVAILABLE.http };
  }
  const text = 'the agent waits to open its store again';
  throw new HoldfastError('UNAVAILABLE', text, {
    details: { isWaiting: true, code, retryAfterMs },
  });
}

const NOBODY = { callerOf: () => undefined };
