/**
 * Who is let in, before anything is read of a request but its head: a name of this service (a page that had its name
 * turned to this address has another one), a page of this service or none, and a token with the right scope.
 */
import type { IncomingMessage } from 'node:http';
import { HoldfastError } from '../errors.ts';
import { isAllowed, type Scope } from './scopes.ts';
import type { Caller, Tokens } from './tokens.ts';

const MOST_FAILURES = 10;
const WINDOW_MS = 60_000;
/** More addresses than that are forgotten together: what is kept of strangers has an end. */
const MOST_ADDRESSES = 1_024;

export interface GuardOptions {
  readonly tokens: Pick<Tokens, 'callerOf'>;
  /** Lower case, without ports. */
  readonly hosts: readonly string[];
  readonly scheme: 'http' | 'https';
}

export class Guard {
  readonly #options: GuardOptions;
  readonly #failures = new Map<string, { count: number; endsAt: number }>();

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Throws PERMISSION_DENIED. Of every request, also of one that needs no token. */
  assertPlace({ headers }: IncomingMessage): void {
    const host = headers.host ?? '';
    if (!this.#options.hosts.includes(hostName(host))) {
      const message = 'this service is not called so: --http-host gives it another name';
      throw new HoldfastError('PERMISSION_DENIED', message);
    }
    const { origin } = headers;
    const isForeign = origin !== undefined && origin !== `${this.#options.scheme}://${host}`;
    const site = headers['sec-fetch-site'];
    if (isForeign || site === 'cross-site' || site === 'same-site') {
      throw new HoldfastError('PERMISSION_DENIED', 'a page of another origin may not call');
    }
  }

  /**
   * Errors: UNAUTHENTICATED; PERMISSION_DENIED with `details.scope`; RESOURCES_EXHAUSTED after ten wrong tokens of an
   * address in a minute. A right one is never kept out: other programs of a machine have the same address.
   */
  callerFor(request: IncomingMessage, scope: Scope): Caller {
    const { headers, socket } = request;
    const caller = this.known(request);
    if (caller === undefined) {
      if (headers.authorization !== undefined) this.#failed(socket.remoteAddress ?? '');
      throw new HoldfastError('UNAUTHENTICATED', 'a token is needed: Authorization: Bearer TOKEN');
    }
    assertScope(caller, scope);
    return caller;
  }

  /** Whose token was shown, whatever it allows. */
  known({ headers }: IncomingMessage): Caller | undefined {
    const token = /^Bearer +(\S{1,512})$/i.exec(headers.authorization ?? '')?.[1];
    return token === undefined ? undefined : this.#options.tokens.callerOf(token);
  }

  #failed(address: string): void {
    const now = performance.now();
    const known = this.#failures.get(address);
    if (known === undefined || known.endsAt <= now) {
      if (this.#failures.size >= MOST_ADDRESSES) this.#failures.clear();
      this.#failures.set(address, { count: 1, endsAt: now + WINDOW_MS });
      return;
    }
    known.count += 1;
    if (known.count <= MOST_FAILURES) return;
    throw new HoldfastError('RESOURCES_EXHAUSTED', 'too many wrong tokens: wait', {
      details: { retryAfterMs: Math.ceil(known.endsAt - now), status: 429 },
    });
  }
}

/** Throws PERMISSION_DENIED. */
export function assertScope(caller: Caller, scope: Scope): void {
  if (isAllowed(caller.scopes, scope)) return;
  const message = `the token ${caller.name} has no scope ${scope}`;
  throw new HoldfastError('PERMISSION_DENIED', message, { details: { scope } });
}

/** `localhost:80`, `[::1]:80` and `LOCALHOST` without their ports, in lower case. */
function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d{1,5}$/, '');
}
