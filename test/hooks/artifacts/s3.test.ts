import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { s3Credentials, s3Place } from '../../../src/hooks/artifacts/s3.ts';
import { fetched, inRanges, place, web, type Answer } from './fetching.ts';

const KEY = 'AKIAEXAMPLE';
const SECRET = 'wJalrXUtnFEMI/K7MDENG+example';

const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();

/** What the signature of a question must be, written down from Amazon's description of it. */
function signatureOf({ method = '', url = '', headers }: IncomingMessage): string {
  const [, scope = '', names = ''] =
    /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+)/.exec(headers.authorization ?? '') ?? [];
  const [path = '', query = ''] = url.split('?');
  const lines = names.split(';').map((name) => `${name}:${String(headers[name])}\n`);
  const body = String(headers['x-amz-content-sha256']);
  const canonical = [method, path, query, lines.join(''), names, body].join('\n');
  const hash = createHash('sha256').update(canonical).digest('hex');
  const date = String(headers['x-amz-date']);
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${SECRET}`);
  return hmac(key, ['AWS4-HMAC-SHA256', date, scope, hash].join('\n')).toString('hex');
}

/** A service that checks who asks. */
const bucket =
  (content: Answer): Answer =>
  (request, response) => {
    const { authorization = '' } = request.headers;
    const isRight = authorization.endsWith(`Signature=${signatureOf(request)}`);
    if (isRight && authorization.includes(`Credential=${KEY}/`)) return content(request, response);
    response.writeHead(403).end();
  };

describe('an object of a service that speaks S3', () => {
  it('is had by whoever can sign for it', async () => {
    const { url, asked } = await web(bucket(inRanges(Buffer.from('object'), '"e"')));
    const options = {
      endpoint: url,
      accessKeyId: KEY,
      secretAccessKey: SECRET,
      region: 'eu-west-1',
    };
    const source = 's3://bucket/a b/c+d.bin';
    expect(await fetched(place(), { source, options })).toContain('(6 bytes) to local/c+d.bin');
    expect(asked[0]?.url).toBe('/bucket/a%20b/c%2Bd.bin');
    expect(asked[0]?.headers.authorization).toContain('/eu-west-1/s3/aws4_request');
    const wrong = { ...options, secretAccessKey: 'another' };
    const told = await fetched(place(), { source, options: wrong });
    expect(told).toMatch(/^HOOK_FAILED: .* answers 403 Forbidden$/);
  });

  it("is had with the task's variables, and without any by everybody", async () => {
    const { url, asked } = await web(bucket(inRanges(Buffer.from('object'), '"e"')));
    const env = { AWS_ACCESS_KEY_ID: KEY, AWS_SECRET_ACCESS_KEY: SECRET, AWS_SESSION_TOKEN: 'st' };
    const source = `s3::${url}/bucket/x`;
    expect(await fetched(place(), { source }, {}, { env })).toContain('fetched');
    expect(asked[0]?.headers).toMatchObject({ 'x-amz-security-token': 'st' });
    expect(await fetched(place(), { source })).toContain('403');
    expect(asked[1]?.headers.authorization).toBeUndefined();
  });

  it('says where its bucket is, and nobody is followed there with a signature', async () => {
    const { url } = await web((_request, response) => {
      const headers = { location: 'http://127.0.0.1:1/', 'x-amz-bucket-region': 'eu-central-1' };
      response.writeHead(307, headers).end();
    });
    const env = { AWS_ACCESS_KEY_ID: KEY, AWS_SECRET_ACCESS_KEY: SECRET };
    const told = await fetched(place(), { source: `s3::${url}/b/x` }, {}, { env });
    expect(told).toContain(
      'says that the bucket is elsewhere: set options.region to "eu-central-1"',
    );
  });

  it.each([
    [{}, 'https://b.s3.us-east-1.amazonaws.com/k'],
    [{ region: 'eu-west-1' }, 'https://b.s3.eu-west-1.amazonaws.com/k'],
    [{ pathStyle: true }, 'https://s3.us-east-1.amazonaws.com/b/k'],
    [{ endpoint: 'http://minio:9000' }, 'http://minio:9000/b/k'],
    [{ endpoint: 'https://o.example/s3/', pathStyle: false }, 'https://b.o.example/s3/k'],
  ])('is found with %j', (options, url) => {
    expect(s3Place({ bucket: 'b', key: 'k' }, options).url).toBe(url);
  });

  it.each([
    ['https://s3.eu-west-1.amazonaws.com/b/k', 'eu-west-1'],
    ['https://b.s3-ap-south-1.amazonaws.com/k', 'ap-south-1'],
    ['https://s3.amazonaws.com/b/k', 'us-east-1'],
    ['https://minio.example/b/k', 'us-east-1'],
  ])('is in a region that its address may tell: %s', (url, region) => {
    expect(s3Place({ url }, {}).region).toBe(region);
  });

  it('wants whole credentials', () => {
    const half = { AWS_ACCESS_KEY_ID: KEY };
    expect(() => s3Credentials({}, half)).toThrow('needs both');
    expect(s3Credentials({ accessKeyId: 'a', secretAccessKey: 'b' }, half)).toEqual({
      accessKeyId: 'a',
      secretAccessKey: 'b',
    });
  });
});
