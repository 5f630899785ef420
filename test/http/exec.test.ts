/** Commands beside tasks over a WebSocket. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { createToken } from '../../src/http/tokens.ts';
import type { FakeSession } from '../client/fake-session.ts';
import { GROUP, httpRig, type HttpRig } from './http-rig.ts';

const EXEC = '/v1/allocs/web/tasks/api/exec';

let rig: HttpRig;
beforeEach(async () => {
  rig = await httpRig();
  await rig.call('POST /v1/allocs', { body: { spec: GROUP } });
});
afterEach(() => rig[Symbol.asyncDispose]());

interface Talk {
  readonly socket: WebSocket;
  readonly heard: string[];
  /** Code and reason, when it is over. */
  readonly closed: Promise<string>;
}

async function talk(path: string, token = rig.token, more: object = {}): Promise<Talk> {
  const headers = { authorization: `Bearer ${token}`, ...more };
  const url = `${rig.service.url.replace('http', 'ws')}${path}`;
  const socket = new WebSocket(url, 'holdfast.exec.v1', { headers });
  const heard: string[] = [];
  socket.on('message', (bytes: Buffer, isBinary) => {
    heard.push(isBinary ? `${bytes[0]}:${bytes.subarray(1).toString()}` : bytes.toString());
  });
  const closed = new Promise<string>((resolve) => {
    socket.on('close', (code, reason) => resolve(`${code} ${reason.toString()}`.trim()));
  });
  await new Promise<void>((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
    socket.on('unexpected-response', (_request, response) => {
      reject(new Error(`status ${response.statusCode}`));
    });
  });
  return { socket, heard, closed };
}
const stdin = (text: string): Buffer => Buffer.concat([Buffer.of(0), Buffer.from(text)]);
const session = (): FakeSession => rig.fake.session as FakeSession;

describe('a command', () => {
  it('is written to, read, told apart by channel, and told of with its end', async () => {
    const { socket, heard, closed } = await talk(EXEC);
    const terminal = { columns: 80, rows: 24 };
    socket.send(JSON.stringify({ open: { argv: ['sh'], env: { A: '1' }, cwd: '/', terminal } }));
    await expect.poll(() => heard).toHaveLength(1);
    socket.send(JSON.stringify({ resize: { columns: 100, rows: 30 } }));
    socket.send(JSON.stringify({ signal: 'SIGINT' }));
    socket.send(stdin('hello'));
    socket.send(stdin('HELLO'));
    await expect.poll(() => heard).toHaveLength(3);
    socket.send(JSON.stringify({ end: {} }));
    expect(await closed).toBe('1000');
    expect(heard).toEqual([
      '{"opened":{"session":"session-1","allocId":"id-of-web","task":"api"}}',
      '1:hello',
      '2:HELLO',
      '{"exit":{"exitCode":7,"signal":null,"reason":"exited"}}',
    ]);
    expect(session().calls).toEqual(['resize 100 30', 'signal SIGINT']);
    const options = { env: { A: '1' }, cwd: '/', terminal, actor: 'root' };
    expect(rig.fake.calls.at(-1)).toBe(`exec web/api ${JSON.stringify([['sh'], options])}`);
  });

  it('is left alone when its caller goes away, and gone on with', async () => {
    const first = await talk('/v1/allocs/web/exec');
    first.socket.send(JSON.stringify({ open: { argv: ['sh'] } }));
    await expect.poll(() => first.heard).toHaveLength(1);
    first.socket.terminate();
    await expect.poll(() => session().calls).toEqual(['detach']);
    const second = await talk('/v1/sessions/session-1?after=0');
    await expect.poll(() => second.heard).toHaveLength(1);
    second.socket.send(JSON.stringify({ close: {} }));
    expect(await second.closed).toBe('1000');
    expect(second.heard.at(-1)).toContain('"signal":"SIGHUP"');
    expect(rig.fake.calls.at(-1)).toBe('attach session-1 0');
  });

  it('gets input that came before it was started', async () => {
    const { socket, heard, closed } = await talk(EXEC);
    socket.send(JSON.stringify({ open: { argv: ['cat'] } }));
    socket.send(stdin('early'));
    socket.send(JSON.stringify({ end: {} }));
    await closed;
    expect(heard.slice(1, 2)).toEqual(['1:early']);
  });
});

describe('what is wrong', () => {
  it.each([
    ['{"open":{"argv":["nothing"]}}', 'COMMAND_NOT_FOUND'],
    ['{"open":{}}', 'USAGE'],
    ['{"open":{"argv":["a"],"terminal":{"columns":0,"rows":1}}}', 'USAGE'],
    ['{"open":{"argv":["a"],"env":{"A":1}}}', 'USAGE'],
    ['{"resize":{}}', 'USAGE'],
    ['[]', 'USAGE'],
    ['{', 'USAGE'],
    ['7', 'USAGE'],
  ])('%s is told as %s, and closes', async (message, code) => {
    const { socket, heard, closed } = await talk(EXEC);
    socket.send(message);
    expect(await closed).toBe(`1011 ${code}`);
    expect(heard).toHaveLength(1);
    expect(JSON.parse(heard[0] ?? '')).toMatchObject({ error: { code } });
    expect(rig.fake.session).toBe(undefined);
  });

  it('closes a command’s socket too, and nothing else of the agent', async () => {
    const { socket, heard, closed } = await talk(EXEC);
    socket.send(JSON.stringify({ open: { argv: ['sh'] } }));
    await expect.poll(() => heard).toHaveLength(1);
    socket.send(Buffer.of(9, 1));
    expect(await closed).toBe('1011 USAGE');
    const { status } = await rig.call('GET /v1/allocs');
    expect(status).toBe(200);
  });

  it('is a message that is too large, a task that is not there, a path of something else', async () => {
    const large = await talk(EXEC);
    large.socket.send(Buffer.alloc(2 ** 20 + 1));
    expect(await large.closed).toBe('1009');
    const none = await talk('/v1/allocs/none/exec');
    expect(await none.closed).toBe('1011 NOT_FOUND');
    await expect(talk('/v1/allocs')).rejects.toThrow('status 400');
    await expect(talk('/v1/nothing')).rejects.toThrow('status 404');
    expect((await rig.call(`GET ${EXEC}`)).status).toBe(426);
  });
});

describe('who may', () => {
  it('is nobody without a token, of another origin or by another name', async () => {
    await expect(talk(EXEC, 'wrong')).rejects.toThrow('status 401');
    await expect(talk(EXEC, rig.token, { origin: 'http://evil.example' })).rejects.toThrow(
      'status 403',
    );
    await expect(talk(EXEC, rig.token, { host: 'evil.example' })).rejects.toThrow('status 403');
    expect(rig.fake.session).toBe(undefined);
  });

  it('needs a right of its own beside a task that is not isolated', async () => {
    const reader = createToken(rig.tokenDir, 'reader', ['read', 'write']);
    await expect(talk(EXEC, reader)).rejects.toThrow('status 403');
    const inside = createToken(rig.tokenDir, 'inside', ['exec']);
    const refused = await talk(EXEC, inside);
    refused.socket.send(JSON.stringify({ open: { argv: ['sh'] } }));
    expect(await refused.closed).toBe('1011 PERMISSION_DENIED');
    expect(rig.fake.session).toBe(undefined);
    const beside = createToken(rig.tokenDir, 'beside', ['exec:host']);
    const allowed = await talk(EXEC, beside);
    allowed.socket.send(JSON.stringify({ open: { argv: ['sh'] } }));
    await expect.poll(() => allowed.heard).toHaveLength(1);
    const stolen = await talk('/v1/sessions/session-1', inside);
    expect(await stolen.closed).toBe('1011 PERMISSION_DENIED');
    allowed.socket.terminate();
  });
});

it('who is in the middle of a command is told when the service ends', async () => {
  const { socket, heard, closed } = await talk(EXEC);
  socket.send(JSON.stringify({ open: { argv: ['sh'] } }));
  await expect.poll(() => heard).toHaveLength(1);
  await rig.service.close();
  expect(await closed).toBe('1001');
  await expect.poll(() => session().calls).toEqual(['detach']);
});
