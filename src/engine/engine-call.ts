/** One call of an engine's API, over a unix socket, tcp or TLS. Loaded with the first engine that is used. */
import { readFileSync } from 'node:fs';
import { request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { type Duplex, Readable } from 'node:stream';
import { HoldfastError, errnoOf, messageOf } from '../errors.ts';
import { EngineError } from './engine-error.ts';

export interface EnginePlace {
  /** `unix:///PATH` or `tcp://HOST:PORT`. */
  readonly endpoint: string;
  /** Paths of PEM files, for tcp. */
  readonly tls?:
    | { readonly cert?: string; readonly key?: string; readonly ca?: string }
    | undefined;
}

export interface CallWish {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With its query. */
  readonly path: string;
  /** A stream is sent as it comes, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Left out: there is none. */
  readonly limitMs?: number;
  readonly signal?: AbortSignal;
}

/** Resolves with the answer's head; statuses from 400 on are refusals. Throws EngineError, or the abort's reason. */
export async function callEngine(place: EnginePlace, wish: CallWish): Promise<IncomingMessage> {
  const answer = await sent(place, wish);
  const status = answer.statusCode ?? 0;
  return status < 400 ? answer : refused(answer, wish);
}

async function refused(answer: IncomingMessage, wish: CallWish): Promise<never> {
  const { statusCode: status = 0 } = answer;
  const text = await wholeText(answer, wish).catch(() => '');
  throw new EngineError('refused', `${wish.method} ${pathOf(wish)}: ${said(text, status)}`, {
    status,
  });
}

/** The whole of an answer. An answer that breaks off is no answer. */
export async function wholeText(answer: IncomingMessage, wish: CallWish): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer);
  } catch (error) {
    throw faultOf(error, wish, true);
  }
  if (!answer.complete) throw new EngineError('broken', `${pathOf(wish)}: the answer broke off`);
  return Buffer.concat(chunks).toString();
}

/**
 * A call whose connection becomes a stream both ways once the engine agrees; what it said already is in it. Throws
 * EngineError, with what the engine says when it does not agree.
 */
export function hijackEngine(place: EnginePlace, wish: CallWish): Promise<Duplex> {
  const { limitMs = 0 } = wish;
  const headers = { connection: 'Upgrade', upgrade: 'tcp' };
  return new Promise((resolve, reject) => {
    const { call, begin, fault } = prepared(place, { ...wish, headers }, {});
    const text = `${pathOf(wish)}: no answer in ${limitMs / 1_000} s`;
    const late = setTimeout(() => call.destroy(new EngineError('timeout', text)), limitMs);
    call.on('upgrade', (_answer, socket: Duplex, head) => {
      clearTimeout(late);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    call.on('response', (answer) => {
      clearTimeout(late);
      const isRefusal = (answer.statusCode ?? 0) >= 400;
      if (isRefusal) return void refused(answer, wish).catch(reject);
      call.destroy();
      reject(new EngineError('broken', `${pathOf(wish)}: the engine gave no stream`));
    });
    call.on('error', (error) => {
      clearTimeout(late);
      reject(fault(error));
    });
    begin();
  });
}

function sent(place: EnginePlace, wish: CallWish): Promise<IncomingMessage> {
  const { limitMs, signal } = wish;
  const limits = [signal, limitMs === undefined ? undefined : AbortSignal.timeout(limitMs)];
  const all = AbortSignal.any(limits.filter((one) => one !== undefined));
  return new Promise((resolve, reject) => {
    const { call, begin, fault } = prepared(place, wish, { signal: all });
    call.on('response', resolve);
    call.on('error', (error) => reject(fault(error)));
    begin();
  });
}

/** `begin` sends it. `fault` is what an error of it means. */
function prepared(place: EnginePlace, wish: CallWish, more: RequestOptions) {
  const { method, path, headers, body } = wish;
  const isStream = body instanceof Readable;
  const text = body === undefined || isStream ? undefined : JSON.stringify(body);
  const json = text !== undefined && {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  };
  const make = place.tls === undefined ? plainRequest : tlsRequest;
  const options = { ...target(place), method, path, agent: false, ...more };
  const call = make({ ...options, headers: { ...headers, ...json } });
  let isConnected = false;
  call.on('socket', (socket) => {
    socket.setKeepAlive(true, 30_000);
    const event = place.tls === undefined ? 'connect' : 'secureConnect';
    socket.once(event, () => (isConnected = true));
  });
  const begin = (): void => {
    if (!isStream) return void call.end(text);
    // What cannot be read on is not to be taken for its end.
    body.on('error', (error) => call.destroy(error));
    call.on('close', () => body.destroy());
    body.pipe(call);
  };
  return { call, begin, fault: (error: unknown) => faultOf(error, wish, isConnected) };
}

function target({ endpoint, tls }: EnginePlace): RequestOptions {
  if (endpoint.startsWith('unix://')) return { socketPath: endpoint.slice('unix://'.length) };
  const { hostname, port } = new URL(endpoint.replace(/^tcp:/, 'http:'));
  const files = Object.entries(tls ?? {}).map(
    ([name, path]) => [name, readFileSync(path)] as const,
  );
  return { host: hostname.replace(/^\[|\]$/g, ''), port, ...Object.fromEntries(files) };
}

export function faultOf(error: unknown, wish: CallWish, isConnected: boolean): Error {
  if (error instanceof EngineError) return error;
  if (wish.signal?.aborted === true) return wish.signal.reason as Error;
  const path = pathOf(wish);
  if (HoldfastError.is(error)) return error;
  const isLate = error instanceof Error && error.name === 'TimeoutError';
  const cause = error instanceof Error ? error.cause : undefined;
  if (isLate || (cause instanceof Error && cause.name === 'TimeoutError')) {
    return new EngineError('timeout', `${path}: no answer in ${(wish.limitMs ?? 0) / 1_000} s`);
  }
  const why = `${path}: ${errnoOf(error) ?? messageOf(error)}`;
  return new EngineError(isConnected ? 'broken' : 'unreachable', why, { cause: error });
}

/** Without its query, which may be long. */
function pathOf({ path }: CallWish): string {
  return path.split('?', 1)[0] ?? path;
}

function said(text: string, status: number): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string') return message;
  } catch {
    // No words of the engine's: the status has to do.
  }
  return `status ${status}`;
}
