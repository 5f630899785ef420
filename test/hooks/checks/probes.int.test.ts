/** Probes against real servers, some of which behave badly. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { httpProbe } from '../../../src/hooks/checks/http-probe.ts';
import type { Place } from '../../../src/hooks/checks/places.ts';
import type { ProbeResult } from '../../../src/hooks/checks/probe.ts';
import { tcpProbe } from '../../../src/hooks/checks/tcp-probe.ts';
import type { HttpProbe } from '../../../src/spec/check-spec.ts';

const never = new AbortController().signal;

async function served(listener: RequestListener): Promise<Place> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

const WISH: HttpProbe = { type: 'http', port: 0, protocol: 'http', method: 'GET', path: '/up' };

function probed(
  place: Place,
  wish: Partial<HttpProbe> = {},
  { headers = {}, body }: { headers?: Record<string, string>; body?: string } = {},
  signal = never,
): Promise<ProbeResult> {
  const asked = (): { headers: Record<string, string>; body: string | undefined } => ({
    headers,
    body,
  });
  return httpProbe({ ...WISH, ...wish }, { place, path: '/up', asked })(signal);
}

describe('a check by HTTP', () => {
  it.each([
    [200, 'passing'],
    [204, 'passing'],
    [429, 'warning'],
    [404, 'critical'],
    [503, 'critical'],
  ])('takes %i for %s', async (code, status) => {
    const place = await served((_asked, answer) => answer.writeHead(code).end());
    const result = await probed(place);
    expect(result.status).toBe(status);
    expect(result.output).toMatch(`HTTP GET http://127.0.0.1:${place.port}/up: ${code} `);
  });

  it('follows no redirect', async () => {
    const paths: (string | undefined)[] = [];
    const place = await served((asked, answer) => {
      paths.push(asked.url);
      answer.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect((await probed(place)).status).toBe('critical');
    expect((await probed(place, { expect: { status: [302] } })).status).toBe('passing');
    expect(paths).toEqual(['/up', '/up']);
  });

  it('sends what it is asked to, and judges by what is expected', async () => {
    const place = await served((asked, answer) => {
      const { host, 'x-key': key } = asked.headers;
      asked.on('data', (chunk) => answer.write(`${asked.method} ${host} ${String(key)} ${chunk}`));
      asked.on('end', () => answer.end());
    });
    const what = { headers: { Host: 'web', 'X-Key': 'k' }, body: 'hello' };
    const wish = { method: 'POST', expect: { body: 'POST web k hello' } };
    expect(await probed(place, wish, what)).toMatchObject({ status: 'passing' });
    const other = { method: 'POST', expect: { body: 'goodbye' } };
    const { status, output } = await probed(place, other, what);
    expect([status, output]).toEqual(['critical', expect.stringContaining('POST web k hello')]);
  });

  it('waits for no end of a body of which it has enough', async () => {
    const place = await served((_asked, answer) => {
      answer.write('x'.repeat(100_000));
    });
    const { status, output } = await probed(place);
    expect([status, output.length < 9_000]).toEqual(['passing', true]);
  });

  it('is told when its time is up, before the answer and in the middle of it', async () => {
    const silent = await served(() => undefined);
    const slow = await served((_asked, answer) => {
      answer.write('a little');
    });
    for (const place of [silent, slow]) {
      const leaving = new AbortController();
      const asking = probed(place, {}, {}, leaving.signal);
      setTimeout(() => leaving.abort(), 200);
      await expect(asking).rejects.toThrow();
    }
  });

  it('sends no header that a value has smuggled in, and says nothing of the value', async () => {
    const place = await served((_asked, answer) => answer.end());
    const headers = { 'x-key': 'canary-77\r\nx-admin: yes' };
    const refused = await probed(place, {}, { headers }).catch((error: Error) => error.message);
    expect(refused).toContain('x-key');
    expect(refused).not.toContain('canary-77');
  });
});

describe('a check by TCP', () => {
  it('passes where somebody listens, and throws where nobody does', async () => {
    const server = createTcp().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const place = { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
    expect(await tcpProbe(place)(never)).toEqual({
      status: 'passing',
      output: `TCP connect 127.0.0.1:${place.port}: Success`,
    });
    server.close();
    await once(server, 'close');
    await expect(tcpProbe(place)(never)).rejects.toThrow('ECONNREFUSED');
  });
});
