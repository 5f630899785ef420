/** Requests of every kind of nonsense, drawn from a seed, and what each was answered. */
import { connect } from 'node:net';
import { ERROR_CODES } from '../../src/errors.ts';
import { ROUTES } from '../../src/http/routes.ts';
import type { HttpRig } from './http-rig.ts';

/** Numerical Recipes; all that counts is that a seed always gives the same. */
function drawFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const WORDS = [
  'web',
  'api',
  'none',
  '..',
  '%2e%2e',
  '%00',
  '%zz',
  '',
  ' ',
  'é',
  'a'.repeat(3_000),
  '-1',
  '0',
  '1',
  '9007199254740993',
  '1e9',
  'true',
  'null',
  '__proto__',
  'constructor',
  '{}',
  '🙂',
];
const BODIES = [
  '',
  '{}',
  '[]',
  'null',
  '{',
  '"',
  '7',
  '{"spec":{}}',
  '{"spec":null}',
  '{"__proto__":{}}',
  '{"spec":{"name":"web","tasks":[]}}',
  `{"spec":${'['.repeat(2_000)}${']'.repeat(2_000)}}`,

  '{"signal":"SIGHUP"}',
  '{"tasks":"all"}',
  '{"tasks":7}',
  '{"dryRun":true}',
  '\u0000',
  '\ufeff{}',
];
const HEADERS = [
  '',
  'accept: text/event-stream',
  'accept: application/x-ndjson',
  'accept: */*',
  'if-match: x',
  'last-event-id: 99999',
  'last-event-id: a:b:c',
  'origin: http://evil.example',
  'range: bytes=0-',
  'content-type: text/plain',
  'transfer-encoding: chunked',
  'expect: 100-continue',
  'upgrade: h2c',
  'connection: upgrade\r\nupgrade: websocket',
  'host: evil.example',
  'x: '.padEnd(20_000, 'y'),
];
const METHODS = [
  'GET',
  'GET',
  'POST',
  'POST',
  'DELETE',
  'HEAD',
  'PUT',
  'OPTIONS',
  'TRACE',
  'get',
  '',
];

export interface Fuzzed {
  readonly statuses: Readonly<Record<string, number>>;
  /** Requests whose answer was none of ours; there is to be none. */
  readonly wrong: readonly string[];
}

/** Each on a connection of its own: what one leaves behind is nobody's. */
export async function fuzz(rig: HttpRig, count: number, seed: number): Promise<Fuzzed> {
  const draw = drawFrom(seed);
  const pick = <T>(all: readonly T[]): T => all[draw(all.length)] as T;
  const statuses: Record<string, number> = {};
  const wrong: string[] = [];
  const one = async (): Promise<void> => {
    const text = requestOf(rig.token, pick, draw);
    const answer = await ask(rig.service.port, text);
    const verdict = statusOf(answer);
    statuses[verdict] = (statuses[verdict] ?? 0) + 1;
    if (verdict.startsWith('wrong')) wrong.push(`${text.slice(0, 300)} -> ${answer.slice(0, 300)}`);
  };
  for (let done = 0; done < count; done += 50) {
    await Promise.all(Array.from({ length: Math.min(50, count - done) }, one));
  }
  return { statuses, wrong };
}

type Pick = <T>(all: readonly T[]) => T;

function requestOf(token: string, pick: Pick, draw: (below: number) => number): string {
  const { method, path, query } = pick(ROUTES);
  // It would end what is being tested.
  const place = path.includes('shutdown') ? '/v1/agent' : path;
  const names = [...Object.keys(query), ...WORDS];
  const filled = place.replace(/\{\w+\}/g, () => (draw(3) === 0 ? pick(WORDS) : 'web'));
  const asked = Array.from({ length: draw(3) }, () => `${pick(names)}=${pick(WORDS)}`).join('&');
  const how = draw(4) === 0 ? pick(METHODS) : method;
  const body = how === 'GET' && draw(5) > 0 ? '' : pick(BODIES);
  const length = draw(20) === 0 ? draw(100) : Buffer.byteLength(body);
  const lines = [
    `${how} ${draw(30) === 0 ? pick(WORDS) : filled}${asked === '' ? '' : `?${asked}`} HTTP/1.1`,
    draw(30) === 0 ? `host: ${pick(WORDS)}` : 'host: localhost',
    draw(10) === 0 ? `authorization: ${pick(WORDS)}` : `authorization: Bearer ${token}`,
    `content-length: ${length}`,
    draw(10) === 0 ? '' : 'content-type: application/json',
    draw(3) === 0 ? pick(HEADERS) : '',
    'connection: close',
  ];
  return `${lines.filter((line) => line !== '').join('\r\n')}\r\n\r\n${body}`;
}

/** Streams go on: whatever came in a short while is the answer, and so is the end of what the caller ends. */
function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    const enough = setTimeout(() => socket.destroy(), 400);
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      heard += part;
      if (/^HTTP\/1.1 (200|101)[^]*\r\n\r\n[^]/.test(heard)) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(enough);
      resolve(heard);
    });
  });
}

/** Of an error of ours the status has to be that of a code. Node itself answers what is not HTTP, with an empty body. */
function statusOf(answer: string): string {
  if (answer === '') return 'cut';
  const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 'wrong';
  if (Number(status) < 400) return status;
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  const code = /^\{"error":\{"code":"(\w+)"/.exec(body)?.[1];
  if (code === undefined) return body === '' ? status : `wrong ${status}`;
  if (!Object.hasOwn(ERROR_CODES, code) || code === 'INTERNAL') return `wrong ${status} ${code}`;
  return /\bat .*\.(ts|js):\d+/.test(body) ? 'wrong stack' : status;
}
