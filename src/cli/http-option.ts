import { InvalidArgumentError } from 'commander';
import { HoldfastError } from '../errors.ts';
import { assertTls, readPem } from './pem-file.ts';

export interface HttpPlace {
  readonly host: string;
  readonly port: number;
}

/** What an operator may say of the HTTP service. */
export interface HttpOptions {
  readonly http?: HttpPlace;
  readonly httpCert?: string;
  readonly httpKey?: string;
  readonly httpHost?: readonly string[];
  readonly isolatedDriver?: readonly string[];
}

/** What the service is asked for; undefined: there shall be none. */
export interface HttpWish extends HttpPlace {
  readonly allowedHosts: readonly string[];
  readonly isolatedDrivers?: readonly string[];
  readonly tls?: { readonly cert: string; readonly key: string };
}

const PLACE = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/;

/** `127.0.0.1:4680`, `localhost:0` or `[::1]:4680`. */
export function httpPlace(text: string): HttpPlace {
  const [, ipv6, name, port] = PLACE.exec(text) ?? [];
  const host = ipv6 ?? name;
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new InvalidArgumentError('expected an address and a port, such as 127.0.0.1:4680');
}

/** Errors: USAGE. */
export async function httpWish(options: HttpOptions): Promise<HttpWish | undefined> {
  const { http, httpCert, httpKey, httpHost = [], isolatedDriver } = options;
  if (http === undefined) {
    const lone = [
      httpCert && '--http-cert',
      httpKey && '--http-key',
      httpHost[0] && '--http-host',
      isolatedDriver?.[0] && '--isolated-driver',
    ].find((option) => option);
    if (lone !== undefined) throw new HoldfastError('USAGE', `${lone} is for --http`);
    return undefined;
  }
  if ((httpCert === undefined) !== (httpKey === undefined)) {
    throw new HoldfastError('USAGE', '--http-cert and --http-key go together');
  }
  const place = {
    ...http,
    allowedHosts: httpHost,
    ...(isolatedDriver && { isolatedDrivers: isolatedDriver }),
  };
  if (httpCert === undefined || httpKey === undefined) return place;
  const [cert, key] = await Promise.all([
    readPem(httpCert, '--http-cert'),
    readPem(httpKey, '--http-key', 'secret'),
  ]);
  assertTls({ cert, key }, '--http-cert');
  return { ...place, tls: { cert: cert.toString(), key: key.toString() } };
}
