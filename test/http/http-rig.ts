/** A service over an orchestrator that only remembers, and a caller that says exactly what a test wants said. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeOrchestrator } from '../client/fake-orchestrator.ts';
import { serveHttp, type HttpService, type ServeHttpOptions } from '../../src/http/serve-http.ts';
import { rootTokenPath } from '../../src/http/tokens.ts';

export interface Heard {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Of the text. */
  readonly json: never;
}

export interface Said {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** '': none. Left out: that of the agent. */
  readonly token?: string;
}

export interface HttpRig extends AsyncDisposable {
  readonly fake: FakeOrchestrator;
  readonly service: HttpService;
  readonly tokenDir: string;
  readonly token: string;
  call(at: string, said?: Said): Promise<Heard>;
  /** Bytes as they are; gives everything that comes back until the connection ends. */
  raw(text: string): Promise<string>;
}

export const GROUP = { name: 'web', tasks: [{ name: 'api', driver: 'raw_exec' }] };

export async function httpRig(options: Partial<ServeHttpOptions> = {}): Promise<HttpRig> {
  const fake = new FakeOrchestrator();
  const tokenDir = mkdtempSync(join(tmpdir(), 'holdfast-http-'));
  const service = await serveHttp(fake, { port: 0, tokenDir, ...options });
  const token = readFileSync(rootTokenPath(tokenDir), 'utf8').trim();
  return {
    fake,
    service,
    tokenDir,
    token,
    call: (at, said = {}) => call(service.port, at, { token, ...said }),
    raw: (text) => raw(service.port, text),
    async [Symbol.asyncDispose]() {
      await service.close(100);
      rmSync(tokenDir, { recursive: true, force: true });
    },
  };
}

function call(port: number, at: string, { body, headers = {}, token }: Said): Promise<Heard> {
  const [method = 'GET', path = ''] = at.split(/ (.*)/s);
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const all = {
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers: all }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('error', reject);
      response.on('end', () => {
        const isJson = response.headers['content-type'] === 'application/json' && text !== '';
        const json = (isJson ? JSON.parse(text) : undefined) as never;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
      });
    });
    asked.on('error', reject);
    asked.end(sent);
  });
}

function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => (heard += part));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(heard));
  });
}
