/** Calls to a server that misbehaves on purpose: every one of them settles, and says what is known then. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { callEngine, type CallWish, wholeText } from '../../src/engine/engine-call.ts';
import { EngineError } from '../../src/engine/engine-error.ts';

let dir: string;
let server: Server;
let open: Set<Socket>;
/** What becomes of a connection on which a request has come. */
let answer: (socket: Socket) => void;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'holdfast-call-'));
  open = new Set();
  server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
    socket.once('data', () => answer(socket));
  });
  await new Promise<void>((done) => server.listen(join(dir, 'sock'), done));
});
afterEach(async () => {
  for (const socket of open) socket.destroy();
  await new Promise((done) => server.close(done));
  await rm(dir, { recursive: true, force: true });
});

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
const place = () => ({ endpoint: `unix://${join(dir, 'sock')}` });

async function asked(wish: Partial<CallWish> = {}): Promise<string> {
  const whole: CallWish = { method: 'GET', path: '/containers/one/json?size=0', ...wish };
  return wholeText(await callEngine(place(), whole), whole);
}

async function kindOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'it worked',
    (error: unknown) => EngineError.of(error)?.kind ?? error,
  );
}

it('breaks off with an answer that is cut, whether its length was told or not', async () => {
  answer = (socket) => {
    socket.write(`${HEAD}Content-Length: 500\r\n\r\n{"Id":"half`, () => socket.destroy());
  };
  expect(await kindOf(asked())).toBe('broken');
  answer = (socket) => {
    socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{"Id"\r\n`, () => socket.destroy());
  };
  expect(await kindOf(asked())).toBe('broken');
});

it('is broken, not unreachable, when the connection was taken and dropped', async () => {
  answer = (socket) => socket.destroy();
  expect(await kindOf(asked())).toBe('broken');
});

it('is unreachable when nobody listens: nothing can have happened', async () => {
  const nobody = { endpoint: `unix://${join(dir, 'nobody')}` };
  const call = callEngine(nobody, { method: 'POST', path: '/containers/one/start' });
  expect(await kindOf(call)).toBe('unreachable');
});

it('is given up in its time, or when its caller says so, and leaves no connection open', async () => {
  answer = () => undefined;
  expect(await kindOf(asked({ limitMs: 50 }))).toBe('timeout');
  const reason = new Error('the agent closes');
  expect(await kindOf(asked({ signal: AbortSignal.timeout(20) }))).toMatchObject({
    name: 'TimeoutError',
  });
  const giveUp = new AbortController();
  const waiting = kindOf(asked({ signal: giveUp.signal }));
  giveUp.abort(reason);
  expect(await waiting).toBe(reason);
  await expect.poll(() => open.size).toBe(0);
});

it('keeps the status and the words of a refusal, and its query to itself', async () => {
  const text = '{"message":"no such container: one"}';
  answer = (socket) => {
    socket.end(`HTTP/1.1 404 Not Found\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  };
  const refused = await asked().catch((error: unknown) => error);
  expect(refused).toMatchObject({
    kind: 'refused',
    status: 404,
    retryable: false,
    message: 'GET /containers/one/json: no such container: one',
  });
});
