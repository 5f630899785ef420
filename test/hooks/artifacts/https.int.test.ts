/** Servers with a certificate that nobody vouches for. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import tls from 'node:tls';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { fetched, place, serving } from './fetching.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!hasOpenssl)('a server that nobody vouches for (needs openssl)', () => {
  let dir: string;
  let url: string;
  let location = '';
  let server: ReturnType<typeof createServer>;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'https-'));
    const [key, cert] = [join(dir, 'key'), join(dir, 'cert')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const made = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ];
    execFileSync('openssl', ['req', '-x509', ...made, '-keyout', key, '-out', cert, ...subject], {
      stdio: 'ignore',
    });
    server = createServer(
      { key: readFileSync(key), cert: readFileSync(cert) },
      (request, response) => {
        if (request.url === '/away') response.writeHead(302, { location }).end();
        else response.end('secret');
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
    rmSync(dir, { recursive: true });
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
    tls.setDefaultCACertificates([...known, readFileSync(join(dir, 'cert'), 'utf8')]);
    onTestFinished(() => tls.setDefaultCACertificates(known));
    expect(await fetched(place(), { source })).toContain(
      `redirects to ${location}, which is not https`,
    );
    expect(plain.asked).toHaveLength(1);
    expect(await fetched(place(), { source: `${url}/x` })).toContain('fetched');
  });
});
