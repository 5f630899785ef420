/** Servers with a certificate that nobody vouches for. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { certificateFor, hasOpenssl, type Certificate } from '../certificate.ts';
import { fetched, place, serving } from './fetching.ts';

describe.skipIf(!hasOpenssl)('a server that nobody vouches for (needs openssl)', () => {
  let certificate: Certificate;
  let url: string;
  let location = '';
  let server: ReturnType<typeof createServer>;

  beforeAll(async () => {
    certificate = certificateFor('IP:127.0.0.1');
    server = createServer(certificate, (request, response) => {
      if (request.url === '/away') response.writeHead(302, { location }).end();
      else response.end('secret');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('is not believed, and not asked again', async () => {
    const told = await fetched(place(), { source: `${url}/x` });
    expect(told).toMatch(/^HOOK_FAILED: artifact https:.*self-signed certificate/);
  });

  it('is believed where both the group and the agent say so', async () => {
    const wish = { source: `${url}/x`, isInsecure: true } as const;
    expect(await fetched(place(), wish)).toContain('which this agent does not allow');
    expect(await fetched(place(), wish, { isInsecureAllowed: true })).toContain('fetched');
  });

  it('sends nobody where everybody can listen, unless that was said too', async () => {
    const plain = await serving('x');
    location = `${plain.url}/x`;
    const source = `${url}/away`;
    const insecure = { source, isInsecure: true } as const;
    expect(await fetched(place(), insecure, { isInsecureAllowed: true })).toContain('fetched');
    // Node 22.19 and newer.
    if (!('setDefaultCACertificates' in tls)) return;
    const known = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...known, certificate.cert]);
    onTestFinished(() => tls.setDefaultCACertificates(known));
    expect(await fetched(place(), { source })).toContain(
      `redirects to ${location}, which is not https`,
    );
    expect(plain.asked).toHaveLength(1);
    expect(await fetched(place(), { source: `${url}/x` })).toContain('fetched');
  });
});
