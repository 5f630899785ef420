import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fetched, inRanges, place, serving, web, type Place } from './fetching.ts';

const CONTENT = Buffer.from('0123456789'.repeat(10_000));
const sha256 = createHash('sha256').update(CONTENT).digest('hex');

/** Sends something, and nothing more once it has been written down. */
function breakOff(where: Place, response: ServerResponse, content: Buffer): void {
  response.write(content);
  const timer = setInterval(() => {
    const { size = 0 } = statSync(join(where.dir, 'got'), { throwIfNoEntry: false }) ?? {};
    if (size < content.length) return;
    clearInterval(timer);
    response.destroy();
  }, 1);
}

describe('a file over http', () => {
  it('is put into its destination under its own name, for everybody to read', async () => {
    const where = place();
    const { url } = await serving(CONTENT);
    const told = await fetched(where, { source: `${url}/a%20b.bin?x=1`, destination: 'local/d' });
    expect(told).toBe(`fetched ${url}/a%20b.bin (100000 bytes) to local/d/a b.bin`);
    const file = join(where.dirs.task, 'local/d/a b.bin');
    expect(readFileSync(file).equals(CONTENT)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o644);
    expect(existsSync(where.dir)).toBe(false);
  });

  it('may be asked to be a program', async () => {
    const where = place();
    const { url } = await serving('#!/bin/sh');
    const wish = {
      source: `${url}/x`,
      mode: 'file',
      destination: 'bin/run',
      perms: '0755',
    } as const;
    await fetched(where, wish);
    expect(statSync(join(where.dirs.task, 'bin/run')).mode & 0o777).toBe(0o755);
  });

  it('is what its checksum says, or is refused and forgotten', async () => {
    const where = place();
    const { url, asked } = await serving(CONTENT);
    const source = `${url}/x`;
    const digest = `sha256:${sha256.toUpperCase()}`;
    expect(await fetched(where, { source, checksum: digest })).toContain('fetched');
    const wrong = `sha256:${'0'.repeat(64)}`;
    const told = await fetched(where, { source, checksum: wrong, destination: 'other' });
    expect(told).toBe(
      `HOOK_FAILED: artifact ${source}: its sha256 is ${sha256}, not ${'0'.repeat(64)} as was asked for`,
    );
    expect(existsSync(join(where.dirs.task, 'other'))).toBe(false);
    await fetched(where, { source, checksum: wrong });
    expect(asked.map(({ headers }) => headers.range)).toEqual([undefined, undefined, undefined]);
    expect(
      await fetched(where, { source, checksum: 'md5:d41d8cd98f00b204e9800998ecf8427e' }),
    ).toContain('its checksum must be sha256:, sha512: or sha1: and the digits');
  });

  it('is gone on with where it broke off', async () => {
    const where = place();
    const whole = inRanges(CONTENT, '"v1"');
    let broken = 0;
    const { url, asked } = await web((request, response) => {
      if (broken++ > 0) return whole(request, response);
      response.writeHead(200, { etag: '"v1"', 'content-length': CONTENT.length });
      return breakOff(where, response, CONTENT.subarray(0, 40_000));
    });
    const told = await fetched(where, { source: `${url}/x`, checksum: `sha256:${sha256}` });
    expect(told).toContain('(100000 bytes)');
    expect(asked).toHaveLength(2);
    expect(asked[1]?.headers).toMatchObject({ range: 'bytes=40000-', 'if-range': '"v1"' });
  });

  it('is gone on with by another agent, and begun anew when it is another file by then', async () => {
    const where = place();
    const other = inRanges(Buffer.from('another file'), '"v2"');
    const { url, asked } = await web((request, response) => {
      if (asked.length > 2) return other(request, response);
      if (asked.length === 2) return response.writeHead(503).end();
      response.writeHead(200, { etag: '"v1"', 'content-length': CONTENT.length });
      return breakOff(where, response, CONTENT.subarray(0, 40_000));
    });
    expect(await fetched(where, { source: `${url}/x` })).toMatch(/, may pass: .* answers 503 /);
    expect(await fetched(where, { source: `${url}/x` })).toContain('(12 bytes)');
    expect(asked.at(-1)?.headers).toMatchObject({ range: 'bytes=40000-', 'if-range': '"v1"' });
    expect(readFileSync(join(where.dirs.task, 'local/x'), 'utf8')).toBe('another file');
  });

  it('is all there when the server says that nothing is left', async () => {
    const where = place();
    const whole = inRanges(CONTENT, '"v1"');
    let first = true;
    const { url } = await web((request, response) => {
      if (!first) return whole(request, response);
      first = false;
      response.writeHead(200, { etag: '"v1"', 'transfer-encoding': 'chunked' });
      return breakOff(where, response, CONTENT);
    });
    expect(await fetched(where, { source: `${url}/x` })).toContain('(100000 bytes)');
  });

  it('is not gone on with when its sender cannot tell whether it is the same', async () => {
    const where = place();
    const { url, asked } = await web((_request, response) => {
      response.writeHead(200, { etag: 'W/"weak"', 'content-length': 10 });
      response.write('12345', () => response.destroy());
    });
    expect(await fetched(where, { source: `${url}/x` })).toContain('may pass');
    await fetched(where, { source: `${url}/x` });
    expect(asked.every(({ headers }) => headers.range === undefined)).toBe(true);
  });
});

describe('what a server answers', () => {
  it.each([
    [503, 'HOOK_FAILED, may pass'],
    [429, 'HOOK_FAILED, may pass'],
    [404, 'HOOK_FAILED'],
    [403, 'HOOK_FAILED'],
  ])('with %i is %s', async (status, beginning) => {
    const { url } = await web((_request, response) => response.writeHead(status).end());
    const told = await fetched(place(), { source: `${url}/x?token=geheim` });
    expect(told.startsWith(`${beginning}: artifact ${url}/x: ${url}/x answers ${status} `)).toBe(
      true,
    );
    expect(told).not.toContain('geheim');
  });

  it('may be silence, and then nobody waits', async () => {
    const { url } = await web((_request, response) => void response.write('x'));
    const told = await fetched(place(), { source: `${url}/x` }, { idleTimeoutMs: 100 });
    expect(told).toContain('may pass: artifact');
    expect(told).toContain('sent nothing for 0.1 s');
  });

  it('may take longer than somebody waits', async () => {
    const { url } = await web((_request, response) => {
      const timer = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(timer));
    });
    const told = await fetched(place(), { source: `${url}/x`, timeoutMs: 200 });
    expect(told).toContain('took longer than 0.2 s');
  });

  it('may be more than the agent allows, announced or not', async () => {
    const { url, asked } = await serving(CONTENT);
    const rules = { maxBytes: 99_999 };
    expect(await fetched(place(), { source: `${url}/x` }, rules)).toContain(
      'larger than the 99999',
    );
    const silent = await web((_request, response) => {
      response.flushHeaders();
      response.end(CONTENT);
    });
    expect(await fetched(place(), { source: `${silent.url}/x` }, rules)).toContain('larger than');
    expect(asked).toHaveLength(1);
  });

  it('may be nothing at all', async () => {
    const told = await fetched(place(), { source: 'http://127.0.0.1:1/x' });
    expect(told).toMatch(/^HOOK_FAILED, may pass: artifact .*ECONNREFUSED/);
  });

  it('may be a redirect, and another host is not told who asks', async () => {
    const where = place();
    const other = await serving('there');
    const { url, asked } = await web(({ url: path }, response) => {
      const location = path === '/x' ? '/y' : `${other.url}/z`;
      response.writeHead(302, { location }).end();
    });
    const headers = { authorization: 'Bearer geheim', 'x-plain': '1' };
    expect(await fetched(where, { source: `${url}/x`, headers })).toContain('to local/x');
    expect(asked.map((one) => one.headers.authorization)).toEqual([
      'Bearer geheim',
      'Bearer geheim',
    ]);
    expect(other.asked[0]?.headers).not.toHaveProperty('authorization');
    expect(other.asked[0]?.headers).not.toHaveProperty('x-plain');
  });

  it.each([
    ['file:///etc/passwd', 'redirects to file:///etc/passwd, which is not https'],
    ['/again', 'redirects more than 10 times'],
    ['http://', 'redirects to what is no address'],
  ])('may be a redirect to %s, which is refused', async (location, text) => {
    const { url } = await web((_request, response) => response.writeHead(301, { location }).end());
    expect(await fetched(place(), { source: `${url}/x` })).toContain(text);
  });
});
