/**
 * Asks a program by HTTP. No redirect is followed and no connection is kept: what is asked is the program itself, each
 * time anew.
 */
import { Agent as PlainAgent, type IncomingMessage, STATUS_CODES } from 'node:http';
import { request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { connect as tlsConnect, type ConnectionOptions } from 'node:tls';
import type { CheckStatus } from '../../events/task-event.ts';
import type { HttpProbe } from '../../spec/check-spec.ts';
import { dial } from './dial.ts';
import { hostAndPort, type Place } from './places.ts';
import { KEPT_BYTES, type Probe, type ProbeResult } from './probe.ts';

/** How far an expected text is looked for. */
const SEARCHED_BYTES = 65_536;

export interface HttpAsk {
  readonly place: Place;
  readonly path: string;
  /** With their references read: asked for when a request is made. */
  readonly asked: () => {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | undefined;
  };
}

export function httpProbe(wish: HttpProbe, ask: HttpAsk): Probe {
  return async (signal) => {
    const answer = await sent(wish, ask, signal);
    const enough = wish.expect?.body === undefined ? KEPT_BYTES : SEARCHED_BYTES;
    const body = await readBody(answer, enough);
    return judged(wish, ask, answer.statusCode ?? 0, body);
  };
}

function sent(wish: HttpProbe, ask: HttpAsk, signal: AbortSignal): Promise<IncomingMessage> {
  const { protocol, method, tlsSkipVerify = false, tlsServerName } = wish;
  const { headers, body } = ask.asked();
  const options = {
    host: ask.place.address,
    port: ask.place.port,
    method,
    path: ask.path,
    headers: {
      'user-agent': 'Holdfast',
      accept: 'text/plain, text/*, */*',
      ...lowerCase(headers),
      ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
    },
    agent: agentFor(wish, ask.place),
    signal,
  } as const;
  const tls = {
    rejectUnauthorized: !tlsSkipVerify,
    ...(tlsServerName !== undefined && { servername: tlsServerName }),
  };
  return new Promise((resolve, reject) => {
    const request =
      protocol === 'https' ? tlsRequest({ ...options, ...tls }) : plainRequest(options);
    request.once('response', resolve);
    // Later ones are the end of an answer of which enough was read.
    request.on('error', reject);
    request.end(body);
  });
}

/** One connection for one question. */
function agentFor({ protocol }: HttpProbe, place: Place): PlainAgent | false {
  if (place.openSocket === undefined) return false;
  if (protocol === 'http') {
    const agent = new PlainAgent();
    agent.createConnection = () => dial(place);
    return agent;
  }
  const agent = new TlsAgent();
  agent.createConnection = (options) =>
    tlsConnect({ ...(options as ConnectionOptions), socket: dial(place) });
  return agent;
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, to]) => [name.toLowerCase(), to]));
}

/** As much as is looked at: a body that never ends is no reason to wait. */
async function readBody(answer: IncomingMessage, enough: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length >= enough) break;
  }
  answer.destroy();
  return Buffer.concat(chunks).subarray(0, enough).toString('utf8');
}

function judged(wish: HttpProbe, ask: HttpAsk, code: number, body: string): ProbeResult {
  const { method, protocol, expect = {} } = wish;
  const where = `${protocol}://${hostAndPort(ask.place)}${ask.path}`;
  const said = `HTTP ${method} ${where}: ${code} ${STATUS_CODES[code] ?? ''}`.trimEnd();
  const status = statusOf(code, expect.status);
  const isMissed = expect.body !== undefined && !body.includes(expect.body);
  if (status === 'passing' && isMissed) {
    return { status: 'critical', output: `${said}, without the text that is expected: ${body}` };
  }
  return { status, output: body === '' ? said : `${said} Output: ${body}` };
}

function statusOf(code: number, expected: readonly number[] | undefined): CheckStatus {
  if (expected !== undefined) return expected.includes(code) ? 'passing' : 'critical';
  if (code >= 200 && code <= 299) return 'passing';
  return code === 429 ? 'warning' : 'critical';
}
