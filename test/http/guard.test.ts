/** Who is let in, and who is not. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import { serveHttp } from '../../src/http/serve-http.ts';
import { createToken, namedTokens, revokeToken, Tokens } from '../../src/http/tokens.ts';
import { FakeOrchestrator } from '../client/fake-orchestrator.ts';
import { GROUP, httpRig, type HttpRig } from './http-rig.ts';

let rig: HttpRig;
beforeEach(async () => {
  rig = await httpRig({ allowedHosts: ['Node-1.example'] });
});
afterEach(() => rig[Symbol.asyncDispose]());

const statusOf = async (at: string, said: Parameters<HttpRig['call']>[1]): Promise<number> =>
  (await rig.call(at, said)).status;

describe('a token', () => {
  it('is made at the first start, for its owner only, and kept', () => {
    const path = join(rig.tokenDir, 'http-token');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(rig.token).toMatch(/^hf_[\w-]{43}$/);
    expect(new Tokens(rig.tokenDir).callerOf(rig.token)?.name).toBe('root');
  });

  it.each(['', 'wrong', `hf_${'a'.repeat(43)}`])('is needed: %j is none', async (token) => {
    const { status, json, headers } = await rig.call('GET /v1/allocs', { token });
    expect([status, json]).toMatchObject([401, { error: { code: 'UNAUTHENTICATED' } }]);
    expect(headers['www-authenticate']).toBe('Bearer');
  });

  it('with a name allows what its scopes say, until it is revoked', async () => {
    const reader = createToken(rig.tokenDir, 'reader', ['read']);
    expect(await statusOf('GET /v1/allocs', { token: reader })).toBe(200);
    const refused = await rig.call('POST /v1/allocs', { token: reader, body: { spec: GROUP } });
    expect([refused.status, refused.json]).toMatchObject([
      403,
      { error: { code: 'PERMISSION_DENIED', details: { scope: 'write' } } },
    ]);
    const writer = createToken(rig.tokenDir, 'writer', ['write']);
    expect(await statusOf('GET /v1/allocs', { token: writer })).toBe(403);
    expect(await statusOf('POST /v1/agent/shutdown', { token: writer })).toBe(403);
    expect(rig.fake.calls).toEqual([]);
    revokeToken(rig.tokenDir, 'reader');
    expect(await statusOf('GET /v1/allocs', { token: reader })).toBe(401);
    expect(await statusOf('POST /v1/gc', { token: writer })).toBe(200);
  });

  it('with a name is nowhere but with its owner', () => {
    const token = createToken(rig.tokenDir, 'one', ['read', 'logs']);
    const text = JSON.stringify(namedTokens(rig.tokenDir));
    expect(text).not.toContain(token);
    expect(statSync(join(rig.tokenDir, 'http-tokens.json')).mode & 0o777).toBe(0o600);
    expect(() => createToken(rig.tokenDir, 'one', [])).toThrow('already');
    expect(() => createToken(rig.tokenDir, 'root', [])).toThrow('already');
    expect(() => revokeToken(rig.tokenDir, 'two')).toThrow('no token two');
  });

  it('that is wrong too often is not looked at any more, and a right one is', async () => {
    const statuses: number[] = [];
    for (let at = 0; at < 12; at += 1) {
      statuses.push(await statusOf('GET /v1/allocs', { token: `wrong-${at}` }));
    }
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429, 429]);
    expect(await statusOf('GET /v1/allocs', {})).toBe(200);
  });
});

describe('a place', () => {
  it.each(['localhost', '127.0.0.1:80', '[::1]:4680', 'LOCALHOST', 'node-1.example:1'])(
    'may call this service %s',
    async (host) => {
      expect(await statusOf('GET /v1/health/live', { headers: { host } })).toBe(200);
    },
  );

  it.each(['evil.example', 'localhost.evil.example', '169.254.169.254', 'localhost:80:80'])(
    'may not call it %j, which a name that was turned to this address would',
    async (host) => {
      const heard = await rig.call('GET /v1/health/live', { headers: { host } });
      expect([heard.status, heard.json]).toMatchObject([
        403,
        { error: { code: 'PERMISSION_DENIED' } },
      ]);
    },
  );

  it.each([
    [{ origin: 'http://evil.example' }],
    [{ origin: 'null' }],
    [{ origin: 'https://localhost' }],
    [{ origin: 'http://localhost:9' }],
    [{ 'sec-fetch-site': 'cross-site' }],
  ])('is no page of another origin: %j', async (headers) => {
    const said = { headers: { host: 'localhost', ...headers }, body: { spec: GROUP } };
    expect(await statusOf('POST /v1/allocs', said)).toBe(403);
    expect(rig.fake.log).toEqual([]);
    const own = { headers: { host: 'localhost', origin: 'http://localhost' }, body: {} };
    expect(await statusOf('POST /v1/gc', own)).toBe(200);
  });

  it('that others reach needs a certificate', async () => {
    const opening = serveHttp(new FakeOrchestrator(), { host: '0.0.0.0', port: 0 });
    await expect(opening).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('that somebody has already is told', async () => {
    const { tokenDir, service, fake } = rig;
    const opening = serveHttp(fake, { port: service.port, tokenDir });
    await expect(opening).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  });
});

describe('whoever asks for a change', () => {
  it('is told to the orchestrator with his name, his scopes and his address', async () => {
    const token = createToken(rig.tokenDir, 'ci', ['write']);
    const headers = { 'user-agent': 'deploy/7' };
    await rig.call('POST /v1/allocs', { token, headers, body: { spec: GROUP } });
    await rig.call('GET /v1/allocs', { headers });
    expect(rig.fake.actors).toEqual([
      {
        via: 'http',
        name: 'ci',
        scopes: ['write'],
        address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
        client: 'deploy/7',
      },
    ]);
  });

  it('and may not is told too, by name or without one; who only wants to look is not', async () => {
    const reader = createToken(rig.tokenDir, 'reader', ['read']);
    const writer = createToken(rig.tokenDir, 'writer', ['write']);
    await rig.call('POST /v1/allocs/web/signal', { token: reader, body: { signal: 'SIGHUP' } });
    await rig.call('POST /v1/allocs/web/stop', { token: 'hf_wrong' });
    await rig.call('GET /v1/allocs', { token: writer });
    const told = rig.fake.refusals.map(({ command, ref, error }) => [
      command,
      ref,
      HoldfastError.from(error).code,
    ]);
    expect(told).toEqual([
      ['signal', 'web', 'PERMISSION_DENIED'],
      ['stop', 'web', 'UNAUTHENTICATED'],
    ]);
    expect(rig.fake.actors.map(({ name }) => name)).toEqual(['reader', '']);
  });
});
