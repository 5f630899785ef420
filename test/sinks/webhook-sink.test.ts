import { createHmac } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebhookSink } from '../../src/sinks/webhook-sink.ts';
import { readSinks } from '../../src/spec/read-sinks.ts';
import type { SinkInput, WebhookConfig } from '../../src/spec/sink-schema.ts';
import type { WrittenEvent } from '../../src/sinks/sink.ts';

const ORIGIN = { storeId: 'store', instanceId: 'me' };
const KEY = Buffer.from('sixteen bytes or more');
const SECRET = `whsec_${KEY.toString('base64')}`;

interface Heard {
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  readonly body: string;
  readonly socket: unknown;
}

let heard: Heard[];
let answer: (response: ServerResponse, path: string) => void;
let url: string;
let dir: string;
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (part: string) => (body += part));
  request.on('end', () => {
    const { headers, url: path = '', socket } = request;
    heard.push({ headers, path, body, socket });
    answer(response, path);
  });
});

beforeEach(async () => {
  heard = [];
  answer = (response) => void response.writeHead(204).end();
  dir = mkdtempSync(join(tmpdir(), 'hf-webhook-'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true });
});

const never = new AbortController().signal;
const events = (...positions: number[]): WrittenEvent[] =>
  positions.map((position) => ({
    position,
    text: JSON.stringify({ position, word: 'Ü' }),
    event: {} as never,
  }));

async function sinkOf(more: Partial<Extract<SinkInput, { type: 'webhook' }>> = {}) {
  const [config] = readSinks([{ type: 'webhook', name: 'w', url, ...more }]);
  const sink = new WebhookSink(config as WebhookConfig, ORIGIN);
  await sink.open(0);
  return sink;
}

function file(name: string, text: string, mode = 0o600): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe('a webhook', () => {
  it('gets a batch as one signed request, which others can check', async () => {
    const secretFile = file('secret', `${SECRET}\n`);
    const sink = await sinkOf({ secretFile, tokenFile: file('token', 'abc\n') });
    await sink.send(events(4, 6), never);
    await sink.close();
    const { headers, body } = heard[0] as Heard;
    expect(JSON.parse(body)).toEqual([
      { position: 4, word: 'Ü' },
      { position: 6, word: 'Ü' },
    ]);
    expect(headers).toMatchObject({
      'content-type': 'application/cloudevents-batch+json',
      'webhook-id': 'store/4-6',
      authorization: 'Bearer abc',
    });
    const signed = `${headers['webhook-id'] as string}.${headers['webhook-timestamp'] as string}.${body}`;
    const mac = createHmac('sha256', KEY).update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${mac}`);
    expect(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(60);
  });

  it('keeps its connection, and has the same name for the same events', async () => {
    const sink = await sinkOf();
    for (let each = 0; each < 3; each += 1) await sink.send(events(1), never);
    await sink.close();
    expect(new Set(heard.map(({ socket }) => socket)).size).toBe(1);
    expect(new Set(heard.map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set(['store/1-1']),
    );
  });

  it('is signed with every secret of the file, and with what the file holds now', async () => {
    const secretFile = file('secret', SECRET);
    const sink = await sinkOf({ secretFile });
    await sink.send(events(1), never);
    file('secret', `${SECRET}\nwhsec_${Buffer.from('another sixteen bytes').toString('base64')}`);
    await sink.send(events(1), never);
    await sink.close();
    const counts = heard.map(({ headers }) => String(headers['webhook-signature']).split(' '));
    expect(counts.map((all) => all.length)).toEqual([1, 2]);
  });

  it.each([
    ['everybody may read', 0o644, SECRET, 'PERMISSION_DENIED'],
    ['is none', 0o600, 'hunter2', 'USAGE'],
    ['is too short', 0o600, 'whsec_c2hvcnQ=', 'USAGE'],
    ['is empty', 0o600, '\n', 'UNAVAILABLE'],
  ])('is not called with a secret that %s', async (_what, mode, text, code) => {
    const sink = await sinkOf({ secretFile: file('secret', text, mode) });
    const failed = await sink.send(events(1), never).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code });
    expect(String(failed)).not.toContain('hunter2');
    expect(heard).toEqual([]);
    await sink.close();
  });
});

describe('an answer', () => {
  const statuses: readonly [number, Record<string, string>, object][] = [
    [500, {}, { code: 'UNAVAILABLE', details: {} }],
    [400, {}, { code: 'UNAVAILABLE', details: {} }],
    [429, { 'retry-after': '7' }, { details: { retryAfterMs: 7_000 } }],
    [503, { 'retry-after': 'nonsense' }, { code: 'UNAVAILABLE', details: {} }],
    [410, {}, { details: { isGone: true } }],
    [413, {}, { code: 'RESOURCES_EXHAUSTED', details: { isTooLarge: true } }],
    [304, {}, { code: 'UNAVAILABLE' }],
  ];
  it.each(statuses)('of %i is no acknowledgement', async (status, headers, error) => {
    answer = (response) => void response.writeHead(status, headers).end();
    const sink = await sinkOf();
    await expect(sink.send(events(1), never)).rejects.toMatchObject(error);
    await sink.close();
  });

  it('may name a date to come back at', async () => {
    const date = new Date(Date.now() + 100_000).toUTCString();
    answer = (response) => void response.writeHead(503, { 'retry-after': date }).end();
    const sink = await sinkOf();
    const failed = (await sink.send(events(1), never).catch((error: unknown) => error)) as {
      details: { retryAfterMs: number };
    };
    expect(failed.details.retryAfterMs).toBeGreaterThan(50_000);
    expect(failed.details.retryAfterMs).toBeLessThanOrEqual(100_000);
    await sink.close();
  });

  it.each([301, 302, 303, 307, 308])('of %i leads nowhere else', async (status) => {
    answer = (response, path) => {
      if (path === '/elsewhere') response.writeHead(200).end();
      else response.writeHead(status, { location: '/elsewhere' }).end();
    };
    const sink = await sinkOf({ headers: { 'x-key': 'secret' } });
    await expect(sink.send(events(1), never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(heard.map(({ path }) => path)).toEqual(['/events']);
    await sink.close();
  });

  it('that does not come, or does not end, is waited for no longer than was said', async () => {
    const sink = await sinkOf({ timeout: '100ms' });
    answer = () => undefined;
    await expect(sink.send(events(1), never)).rejects.toMatchObject({ code: 'TIMEOUT' });
    answer = (response) => void response.writeHead(200).write('…');
    await expect(sink.send(events(1), never)).rejects.toMatchObject({ code: 'TIMEOUT' });
    await sink.close();
  });

  it('that goes on for ever is not read for ever', async () => {
    answer = (response) => {
      response.writeHead(200);
      const more = (): void => void (response.write('x'.repeat(65_536)) && setImmediate(more));
      response.on('drain', more).on('error', () => undefined);
      more();
    };
    const sink = await sinkOf();
    await sink.send(events(1), never);
    await sink.close();
  });

  it('is given up when the agent ends', async () => {
    const ends = new AbortController();
    answer = () => ends.abort();
    const sink = await sinkOf();
    await expect(sink.send(events(1), ends.signal)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await sink.close();
  });
});
