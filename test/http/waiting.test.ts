/** HTTP of an agent that waits: alive, not ready, and to be asked again; and what is no HTTP at all. */
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { serveWaitingHttp } from '../../src/http/waiting-http.ts';
import { httpRig } from './http-rig.ts';

async function waiting<T>(work: (url: string) => Promise<T>): Promise<T> {
  const reason = () => ({ code: 'STORE_FAILED', retryAfterMs: 2_500 }) as const;
  const listener = await serveWaitingHttp({ port: 0 }, reason);
  try {
    return await work(listener.url);
  } finally {
    await listener.close(100, () => undefined);
  }
}

describe('an agent that waits to open its store', () => {
  it('lives, is not ready, and says why in a word that everybody may know', async () => {
    await waiting(async (url) => {
      const live = await fetch(`${url}/v1/health/live`);
      expect([live.status, await live.json()]).toEqual([200, { status: 'ok' }]);
      const ready = await fetch(`${url}/v1/health/ready?verbose`);
      expect(ready.status).toBe(503);
      expect(await ready.json()).toEqual({ status: 'not ready', reason: 'STORE_FAILED' });
    });
  });

  it('asks everybody else to come again, whatever they want and whoever they are', async () => {
    await waiting(async (url) => {
      for (const [path, init] of [
        ['/v1/allocs', {}],
        ['/v1/run', { method: 'POST', body: '{}', headers: { authorization: 'Bearer x' } }],
        ['/v1/health/live', { method: 'POST' }],
        ['/nowhere', {}],
      ] as const) {
        const answer = await fetch(`${url}${path}`, init);
        expect([path, answer.status]).toEqual([path, 503]);
        expect(answer.headers.get('retry-after')).toBe('3');
        const { error } = (await answer.json()) as { error: object };
        expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
        expect(error).toMatchObject({ details: { isWaiting: true, code: 'STORE_FAILED' } });
      }
    });
  });

  it('is as closed to foreign pages as one that serves', async () => {
    await waiting(async (url) => {
      const headers = { origin: 'http://evil.example' };
      const answer = await fetch(`${url}/v1/health/live`, { headers });
      expect(answer.status).toBe(403);
    });
  });
});

describe('what is no HTTP', () => {
  it.each([
    ['a line of nonsense', 'hello there\r\n\r\n', 400, 'USAGE'],
    [
      'a header without a colon',
      'GET / HTTP/1.1\r\nhost: localhost\r\nbroken\r\n\r\n',
      400,
      'USAGE',
    ],
    ['no Host', 'GET /v1/health/live HTTP/1.1\r\n\r\n', 400, undefined],
    [
      'headers without an end',
      `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
      431,
      'USAGE',
    ],
    [
      'a length that is none',
      'POST /v1/run HTTP/1.1\r\nhost: localhost\r\ncontent-length: many\r\n\r\n',
      400,
      'USAGE',
    ],
  ])(
    '%s is answered with a typed error, and the connection ends',
    async (_what, text, status, code) => {
      await using rig = await httpRig();
      const heard = await rig.raw(text);
      expect(heard).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      if (code === undefined) return;
      const [head = '', body = ''] = heard.split('\r\n\r\n');
      expect(head).toContain('content-type: application/json');
      expect(head).toContain('connection: close');
      expect(JSON.parse(body)).toMatchObject({ error: { code, retryable: false } });
    },
  );

  it('behind an answer that is under way is not written into it', async () => {
    await using rig = await httpRig();
    const heard = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(rig.service.port, '127.0.0.1', () => {
        const line = `GET /v1/events?follow=true HTTP/1.1\r\nhost: localhost\r\n`;
        socket.write(
          `${line}accept: text/event-stream\r\nauthorization: Bearer ${rig.token}\r\n\r\n`,
        );
      });
      socket.setEncoding('utf8').on('data', (part: string) => {
        if (text === '') socket.write('nonsense\r\n\r\n');
        text += part;
      });
      socket.on('error', () => undefined).on('close', () => resolve(text));
    });
    expect(heard.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(heard).not.toContain('this is no request of HTTP');
  });
});
