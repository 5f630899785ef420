/** Where an agent is that is not this machine's: a variable or flag names it, files prove who asks. */
import { HoldfastError } from '../errors.ts';
import type { ConnectOptions } from '../client/connect-orchestrator.ts';
import { readPem } from './pem-file.ts';

type Tls = NonNullable<ConnectOptions['tls']>;
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/**
 * What `HOLDFAST_AGENT` says: `unix:///path` or `host:port`, the latter with HOLDFAST_TLS_CA, _CERT and _KEY. Undefined
 * when it says nothing. Throws USAGE.
 */
export async function remotePlace(
  env: NodeJS.ProcessEnv = process.env,
): Promise<ConnectOptions | undefined> {
  const named = env['HOLDFAST_AGENT'] ?? '';
  if (named === '') return undefined;
  const path = /^unix:(?:\/\/)?(\/.+)$/.exec(named)?.[1];
  if (path !== undefined) return { socket: path };
  const { host, port } = readPlace(named, 'HOLDFAST_AGENT');
  const files = {
    ca: env['HOLDFAST_TLS_CA'],
    cert: env['HOLDFAST_TLS_CERT'],
    key: env['HOLDFAST_TLS_KEY'],
  };
  const names = { ca: 'HOLDFAST_TLS_CA', cert: 'HOLDFAST_TLS_CERT', key: 'HOLDFAST_TLS_KEY' };
  return { address: `${host}:${port}`, tls: await readTls(files, names) };
}

/** `host:port`, with brackets around an IPv6 address, which stay. Throws USAGE. */
export function readPlace(text: string, name: string): { host: string; port: number } {
  const [, host, port] = /^(\[[\da-fA-F:.]+\]|[^:\s/]+):(\d{1,5})$/.exec(text) ?? [];
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new HoldfastError('USAGE', `${name} is ${text}: expected a host and a port, host:4681`);
}

/** Throws USAGE for a file that is not named or cannot be read. */
export async function readTls(files: TlsFiles, names: Record<keyof Tls, string>): Promise<Tls> {
  const read = async (what: keyof Tls): Promise<Buffer> => {
    const path = files[what] ?? '';
    if (path === '') {
      throw new HoldfastError(
        'USAGE',
        `${names[what]} is needed: other machines prove who they are`,
      );
    }
    return readPem(path, names[what], what === 'key' ? 'secret' : undefined);
  };
  const [ca, cert, key] = await Promise.all([read('ca'), read('cert'), read('key')]);
  return { ca, cert, key };
}
