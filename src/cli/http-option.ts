import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { HoldfastError, messageOf } from '../errors.ts';

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
}

/** What the service is asked for; undefined: there shall be none. */
export interface HttpWish extends HttpPlace {
  readonly allowedHosts: readonly string[];
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
export function httpWish(options: HttpOptions): HttpWish | undefined {
  const { http, httpCert, httpKey, httpHost = [] } = options;
  if (http === undefined) {
    const rest = [httpCert && '--http-cert', httpKey && '--http-key', httpHost[0] && '--http-host'];
    const lone = rest.find((option) => option);
    if (lone !== undefined) throw new HoldfastError('USAGE', `${lone} is for --http`);
    return undefined;
  }
  if ((httpCert === undefined) !== (httpKey === undefined)) {
    throw new HoldfastError('USAGE', '--http-cert and --http-key go together');
  }
  const place = { ...http, allowedHosts: httpHost };
  if (httpCert === undefined || httpKey === undefined) return place;
  return {
    ...place,
    tls: { cert: read('--http-cert', httpCert), key: read('--http-key', httpKey) },
  };
}

function read(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new HoldfastError('USAGE', `${option}: ${messageOf(error)}`, { cause: error });
  }
}
