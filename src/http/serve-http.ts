/**
 * The orchestrator over HTTP: JSON for what is asked once, streams for what goes on. It only translates; whatever is
 * true over HTTP is true in process.
 */
import { join } from 'node:path';
import { silentLogger, type Logger } from '../ports.ts';
import { Conversations } from './conversations.ts';
import { Guard } from './guard.ts';
import { httpServer, knownAs, listen, type HttpPlace } from './http-server.ts';
import { Tokens } from './tokens.ts';
import type { Orchestrator } from '../api.ts';

export interface ServeHttpOptions extends HttpPlace {
  /** Where the tokens are. Default: the state directory of the orchestrator. */
  readonly tokenDir?: string;
  /** Drivers whose tasks are isolated, so that `exec` is enough beside them. Default docker, exec and java. */
  readonly isolatedDrivers?: readonly string[];
  readonly logger?: Logger;
  /** How often a stream says something that has nothing to say. Default 10,000. */
  readonly heartbeatMs?: number;
  /** Called after a shutdown was asked for, done and answered. */
  readonly onShutdown?: () => void;
}

/** What may change while it listens. What is left out is as by default, the certificate as it was. */
export type HttpChanges = Pick<ServeHttpOptions, 'tls' | 'allowedHosts' | 'isolatedDrivers'>;

export interface HttpService {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Counts for what comes from now on; tokens are read anew. Throws USAGE: nothing has changed. */
  update(changes: HttpChanges): void;
  /** Ends streams, waits for answers that are under way, `graceMs` at most. Leaves the orchestrator alone. */
  close(graceMs?: number): Promise<void>;
}

const CLOSE_GRACE_MS = 5_000;
/** Beside tasks of other drivers a command is one of the machine. */
const ISOLATED = ['docker', 'exec', 'java'];
const HEARTBEAT_MS = 10_000;

/**
 * Resolves when it listens. Errors: USAGE for an address that others reach without `tls`; PORT_IN_USE; what the file
 * system says of the tokens.
 */
export async function serveHttp(
  orchestrator: Orchestrator,
  options: ServeHttpOptions,
): Promise<HttpService> {
  const { dataDir, storeId } = await orchestrator.agent();
  const tokenDir = options.tokenDir ?? join(dataDir, 'state');
  let rules = rulesOf(options, tokenDir);
  const conversations = new Conversations({
    orchestrator,
    guard: new Guard({
      get tokens() {
        return rules.tokens;
      },
      get hosts() {
        return rules.hosts;
      },
      scheme: options.tls === undefined ? 'http' : 'https',
    }),
    logger: options.logger ?? silentLogger,
    storeId,
    get isolatedDrivers() {
      return rules.isolatedDrivers;
    },
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
    onShutdown: options.onShutdown ?? (() => undefined),
  });
  const server = httpServer(options.tls, {
    hear: (request, response) => void conversations.hear(request, response),
    upgrade: (request, socket, head) => void conversations.upgrade(request, socket, head),
  });
  const listener = await listen(server, options);
  const { host } = options;
  return {
    url: listener.url,
    port: listener.port,
    update(changes) {
      const fresh = rulesOf({ ...changes, ...(host !== undefined && { host }) }, tokenDir);
      if (changes.tls !== undefined) listener.renew(changes.tls);
      rules = fresh;
    },
    close(graceMs = CLOSE_GRACE_MS) {
      conversations.end();
      return listener.close(graceMs, () => conversations.breakOff());
    },
  };
}

interface Rules {
  readonly tokens: Tokens;
  readonly hosts: readonly string[];
  readonly isolatedDrivers: readonly string[];
}

function rulesOf(options: HttpChanges & { readonly host?: string }, tokenDir: string): Rules {
  return {
    tokens: new Tokens(tokenDir),
    hosts: knownAs(options),
    isolatedDrivers: options.isolatedDrivers ?? ISOLATED,
  };
}
