/** Checks of programs that speak TLS, with a certificate of their own. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { HoldfastError } from '../../../src/errors.ts';
import { httpProbe } from '../../../src/hooks/checks/http-probe.ts';
import { keepChecking } from '../../../src/hooks/checks/keep-checking.ts';
import type { Place } from '../../../src/hooks/checks/places.ts';
import type { ProbeResult } from '../../../src/hooks/checks/probe.ts';
import type { CheckSpec, HttpProbe } from '../../../src/spec/check-spec.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';
import { certificateFor, hasOpenssl, type Certificate } from '../certificate.ts';

const never = new AbortController().signal;
const WISH: HttpProbe = { type: 'http', port: 0, protocol: 'https', method: 'GET', path: '/up' };
const asked = () => ({ headers: {}, body: undefined });

function look(place: Place, wish: Partial<HttpProbe>, signal = never): Promise<ProbeResult> {
  return httpProbe({ ...WISH, ...wish }, { place, path: '/up', asked })(signal);
}
const fault = (looking: Promise<ProbeResult>): Promise<string> =>
  looking.then(
    ({ status }) => status,
    (error: Error) => error.message,
  );

describe.skipIf(!hasOpenssl)('a check by HTTPS (needs openssl)', () => {
  let certificate: Certificate;
  beforeAll(() => {
    certificate = certificateFor('DNS:web.test');
  });

  async function served(listener: RequestListener): Promise<Place> {
    const server = createServer(certificate, listener).listen(0, '127.0.0.1');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    await once(server, 'listening');
    return { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
  }

  // As the program is asked from the machine's network, and from that of its group.
  const ways = [{}, { openSocket: () => undefined }];

  it.each(ways)(
    'believes nobody for whom nobody vouches, unless it is told to (%o)',
    async (way) => {
      const place = { ...(await served((_asked, answer) => answer.end())), ...way };
      expect(await fault(look(place, {}))).toMatch(/self-signed certificate/);
      expect(await fault(look(place, { tlsSkipVerify: true }))).toBe('passing');
    },
  );

  it.each(ways)('asks for the name that it is told, and for no other (%o)', async (way) => {
    // Node 22.19 and newer.
    if (!('setDefaultCACertificates' in tls)) return;
    const names: unknown[] = [];
    const place = {
      ...(await served((question, answer) => {
        names.push((question.socket as tls.TLSSocket & { servername?: unknown }).servername);
        answer.end();
      })),
      ...way,
    };
    const before = tls.getCACertificates('default');
    onTestFinished(() => tls.setDefaultCACertificates(before));
    tls.setDefaultCACertificates([...before, certificate.cert]);
    expect(await fault(look(place, {}))).toMatch(/does not match certificate's altnames/);
    expect(await fault(look(place, { tlsServerName: 'other.test' }))).toMatch(/altnames/);
    expect(await fault(look(place, { tlsServerName: 'web.test' }))).toBe('passing');
    expect(names).toEqual(['web.test']);
  });

  it('follows no redirect', async () => {
    const paths: unknown[] = [];
    const place = await served((question, answer) => {
      paths.push(question.url);
      answer.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect(await fault(look(place, { tlsSkipVerify: true }))).toBe('critical');
    expect(paths).toEqual(['/up']);
  });

  it('lets go of a server that falls silent behind its headers when its time is up', async () => {
    const closed = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const place = await served((question, answer) => {
      question.socket.once('close', () => closed.resolve());
      answer.writeHead(200, { 'content-length': '10' });
      answer.flushHeaders();
      begun.resolve();
    });
    const clock = new FakeClock();
    const leaving = new AbortController();
    const wish = { ...WISH, tlsSkipVerify: true } as const;
    const check: CheckSpec = { ...wish, name: 'up', intervalMs: 10_000, timeoutMs: 2_000 };
    const told: unknown[] = [];
    const report = vi.fn(async (...words: unknown[]) => void told.push(words));
    const probe = httpProbe(wish, { place, path: '/up', asked });
    const looking = keepChecking(check, probe, {
      clock,
      signal: leaving.signal,
      known: undefined,
      ageMs: () => 0,
      report,
      skipped: () => undefined,
      restart: async () => undefined,
    });
    await clock.advance(1_000);
    await begun.promise;
    await clock.advance(2_000);
    await vi.waitFor(() => expect(told).toEqual([['critical', 'timed out after 2 s']]));
    await closed.promise;
    leaving.abort(new HoldfastError('CLOSED', 'over'));
    await expect(looking).rejects.toThrow('over');
  });

  it('reads no more of a body that never ends than it looks at, and keeps no connection', async () => {
    const closed = Promise.withResolvers<void>();
    const place = await served((question, answer) => {
      question.socket.once('close', () => closed.resolve());
      const more = (): void => {
        while (!answer.destroyed && answer.write('x'.repeat(10_000)));
      };
      answer.on('drain', more);
      more();
    });
    const before = readdirSync('/proc/self/fd').length;
    const { status, output } = await look(place, { tlsSkipVerify: true });
    expect([status, output.length < 9_000]).toEqual(['passing', true]);
    await closed.promise;
    await vi.waitFor(() => expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before));
  });
});
