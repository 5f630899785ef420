/** Where an object is, and the proof of who asks: AWS Signature Version 4, by a library. */
import type { ArtifactOptions } from '../../spec/artifact-spec.ts';
import { refused } from './faults.ts';
import type { Headers } from './http-answer.ts';

export interface S3Place {
  readonly url: string;
  readonly region: string;
}

type S3Source = { readonly url: string } | { readonly bucket: string; readonly key: string };

/** Endpoints other than Amazon's are seldom reached by a name for each bucket. */
export function s3Place(source: S3Source, options: ArtifactOptions): S3Place {
  if ('url' in source) {
    return { url: source.url, region: options.region ?? regionOf(source.url) };
  }
  const { bucket, key } = source;
  const region = options.region ?? 'us-east-1';
  const endpoint = options.endpoint ?? `https://s3.${region}.amazonaws.com`;
  if (!/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : '')) {
    throw refused(`its endpoint must be an address such as https://minio.example:9000`);
  }
  const url = new URL(endpoint);
  const isInPath = options.pathStyle ?? (options.endpoint !== undefined || bucket.includes('.'));
  const path = key.split('/').map(encodeURIComponent).join('/');
  const above = url.pathname.replace(/\/$/, '');
  if (!isInPath) url.host = `${bucket}.${url.host}`;
  url.pathname = isInPath ? `${above}/${encodeURIComponent(bucket)}/${path}` : `${above}/${path}`;
  return { url: url.href, region };
}

/** `s3.eu-west-1.amazonaws.com`, `bucket.s3-eu-west-1.amazonaws.com`; others do not say it in their name. */
function regionOf(url: string): string {
  const { hostname } = new URL(url);
  const [, region] = /(?:^|\.)s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com/.exec(hostname) ?? [];
  return region ?? 'us-east-1';
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * Those of the options, else the task's own variables by Amazon's names; undefined: everybody may read it. Never the
 * agent's: whoever writes a group is not whoever runs the agent.
 */
export function s3Credentials(
  options: ArtifactOptions,
  env: Readonly<Record<string, string>>,
): S3Credentials | undefined {
  const hasOwn = options.accessKeyId !== undefined || options.secretAccessKey !== undefined;
  const accessKeyId = hasOwn ? options.accessKeyId : env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = hasOwn ? options.secretAccessKey : env['AWS_SECRET_ACCESS_KEY'];
  const sessionToken = hasOwn ? options.sessionToken : env['AWS_SESSION_TOKEN'];
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw refused('needs both options.accessKeyId and options.secretAccessKey');
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** Signs one question after the other; headers of the spec are sent, too. */
export function s3Signer(
  credentials: S3Credentials,
  region: string,
): (url: string, headers: Headers) => Promise<Headers> {
  return async (url, headers) => {
    const { AwsV4Signer } = await import('aws4fetch');
    const signer = new AwsV4Signer({ ...credentials, url, region, service: 's3', method: 'GET' });
    const signed = await signer.sign();
    return { ...headers, ...Object.fromEntries(signed.headers.entries()) };
  };
}
