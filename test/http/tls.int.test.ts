/** Over TLS, as other machines reach it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { httpRig } from './http-rig.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-tls-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('another address than loopback is served with a certificate, by the names it was given', async () => {
  const [keyFile, certFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const subject = ['-subj', '/CN=node-1', '-addext', 'subjectAltName=DNS:node-1'];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const files = ['-keyout', keyFile, '-out', certFile, '-days', '2'];
  execFileSync('openssl', [...made, ...files, ...subject], { stdio: 'ignore' });
  const [key, cert] = [readFileSync(keyFile, 'utf8'), readFileSync(certFile, 'utf8')];
  await using rig = await httpRig({
    host: '0.0.0.0',
    tls: { key, cert },
    allowedHosts: ['node-1'],
  });
  const { port, url } = rig.service;
  expect(url).toBe(`https://0.0.0.0:${port}`);
  const status = (host: string, more: object = {}): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { host, authorization: `Bearer ${rig.token}`, ...more };
      const to = { host: '127.0.0.1', port, path: '/v1/allocs', ca: cert, servername: 'node-1' };
      get({ ...to, headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });
  expect(await status(`node-1:${port}`)).toBe(200);
  expect(await status(`node-1:${port}`, { origin: `https://node-1:${port}` })).toBe(200);
  expect(await status(`node-1:${port}`, { origin: `http://node-1:${port}` })).toBe(403);
  expect(await status('node-2')).toBe(403);
});
