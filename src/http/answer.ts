/** How answers are written: JSON, errors with their status, and answers that go on, no faster than they are read. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { ERROR_CODES, HoldfastError, type ErrorRecord } from '../errors.ts';
import type { Answer, Stream } from './route.ts';

/** What is sent of an error: never a stack, and of a bug of ours not its words either. */
export interface SentError {
  readonly error: ErrorRecord;
}

export function sentError(error: unknown): SentError {
  const { code, message, retryable, details } = HoldfastError.from(error);
  if (code !== 'INTERNAL') return { error: { code, message, retryable, details } };
  const text = 'something is wrong with the agent: its log says more';
  return { error: { code, message: text, retryable, details: {} } };
}

/** `details.status` is a status that fits better than that of the code. */
export function statusOf(error: unknown): number {
  const { code, details } = HoldfastError.from(error);
  const better = details['status'];
  return typeof better === 'number' ? better : ERROR_CODES[code].http;
}

/** Who is too late to say it with a status: the connection is broken off, so that nobody takes half for the whole. */
export function answerError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { details } = HoldfastError.from(error);
  const status = statusOf(error);
  if (status === 401) response.setHeader('www-authenticate', 'Bearer');
  if (typeof details['allow'] === 'string') response.setHeader('allow', details['allow']);
  const waitMs = details['retryAfterMs'];
  if (typeof waitMs === 'number') response.setHeader('retry-after', Math.ceil(waitMs / 1000));
  const text = JSON.stringify(sentError(error));
  send(response, status, 'application/json', text);
}

/** Resolves when everything has been handed to the connection, or the caller has gone. */
export async function writeAnswer(
  response: ServerResponse,
  answer: Answer,
  signal: AbortSignal,
): Promise<void> {
  if ('stream' in answer) return writeStream(response, answer.stream, signal);
  if ('text' in answer) return send(response, 200, answer.type, answer.text);
  if (answer.json === undefined) {
    response.writeHead(204).end();
    return;
  }
  send(response, answer.status ?? 200, 'application/json', JSON.stringify(answer.json));
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(status, { 'content-type': type, 'content-length': body.length });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** What is wrong from the start shall have a status of its own: so long the source may take to say it. */
const FIRST_WORD_MS = 50;

async function writeStream(
  response: ServerResponse,
  stream: Stream,
  signal: AbortSignal,
): Promise<void> {
  if (response.req.method === 'HEAD') {
    response.writeHead(200, { 'content-type': stream.type }).end();
    return;
  }
  const source = stream.chunks[Symbol.asyncIterator]();
  try {
    const first = source.next();
    first.catch(() => undefined);
    await Promise.race([first, delay(FIRST_WORD_MS, undefined, { ref: false })]);
    if (signal.aborted && response.destroyed) return;
    response.writeHead(200, { 'content-type': stream.type });
    response.flushHeaders();
    if (stream.greeting !== undefined) response.write(stream.greeting);
    await pump(response, stream, { source, first }, signal);
  } finally {
    // Not awaited: a source that waits for its next thing only ends by its signal.
    source.return?.().catch(() => undefined);
  }
}

interface Source {
  readonly source: AsyncIterator<string | Uint8Array>;
  readonly first: Promise<IteratorResult<string | Uint8Array>>;
}

async function pump(
  response: ServerResponse,
  stream: Stream,
  { source, first }: Source,
  signal: AbortSignal,
): Promise<void> {
  const idle = beating(response, stream.idle);
  try {
    for (let next = await first; next.done !== true; next = await source.next()) {
      if (response.destroyed) return;
      const isRoom = response.write(next.value);
      idle?.refresh();
      if (!isRoom) await once(response, 'drain', { signal });
    }
    response.end();
  } catch (error) {
    if (response.destroyed) return;
    const words = signal.aborted ? '' : stream.failed(error);
    if (words === '') response.destroy();
    else response.end(words);
  } finally {
    clearInterval(idle);
  }
}

/** Nothing is added to what a caller does not read. */
function beating(response: ServerResponse, idle: Stream['idle']): NodeJS.Timeout | undefined {
  if (idle === undefined) return undefined;
  return setInterval(() => {
    if (!response.writableNeedDrain && !response.writableEnded) response.write(idle.text());
  }, idle.everyMs).unref();
}
