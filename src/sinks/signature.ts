/** Signatures of Standard Webhooks 1.0 (https://www.standardwebhooks.com), symmetric. */
import { createHmac } from 'node:crypto';
import { HoldfastError } from '../errors.ts';

const LEAST_BYTES = 16;

export interface Signed {
  readonly 'webhook-id': string;
  /** Seconds since 1970. */
  readonly 'webhook-timestamp': string;
  /** One for each secret, so that receivers may change from one to the next. */
  readonly 'webhook-signature'?: string;
}

/** `secrets` are `whsec_BASE64`, one a line; none leaves the signature out. Throws USAGE for what is no secret. */
export function sign(id: string, nowMs: number, body: string, secrets: string): Signed {
  const timestamp = String(Math.floor(nowMs / 1000));
  const named = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (secrets === '') return named;
  const signatures = secrets.split(/\s+/).map((secret) => {
    const mac = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`);
    return `v1,${mac.digest('base64')}`;
  });
  return { ...named, 'webhook-signature': signatures.join(' ') };
}

function keyOf(secret: string): Buffer {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  const key = Buffer.from(base64 ?? '', 'base64');
  if (key.length >= LEAST_BYTES) return key;
  const wanted = 'whsec_ and at least 16 bytes in base64, such as of: openssl rand -base64 32';
  throw new HoldfastError('USAGE', `the secret of a webhook is ${wanted}`);
}
