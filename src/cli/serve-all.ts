/** Every place where an opened agent is served: its socket, other machines, HTTP. */
import type { Orchestrator } from '../api.ts';
import type { HttpService } from '../http/serve-http.ts';
import type { Logger } from '../ports.ts';
import type { AgentSettings } from './agent-settings.ts';
import type { HttpWish } from './http-option.ts';
import { serveOthers } from './serve-others.ts';

export interface Ready {
  readonly orchestrator: Orchestrator;
  readonly socket: string;
  /** Of the HTTP service, if there is one. */
  readonly url?: string;
}

interface Served {
  readonly ready: Ready;
  /** Errors: USAGE for certificates that are none. */
  readonly update: (settings: AgentSettings) => Promise<void>;
}

interface ServingDoors {
  readonly orchestrator: Orchestrator;
  readonly dataDir: string;
  readonly logger: Logger;
  readonly onShutdown: () => void;
}

/**
 * Resolves when all of them listen; what listens is put among `listeners`, also when the next one cannot. `httpPort` is
 * that which HTTP had before. Errors: those of each.
 */
export async function serveAll(
  doors: ServingDoors,
  { options, grpc, http }: AgentSettings,
  httpPort: number | undefined,
  listeners: { close(graceMs: number): Promise<void> }[],
): Promise<Served> {
  const { orchestrator, dataDir, logger, onShutdown } = doors;
  const { serveAgent } = await import('../server/agent-service.ts');
  const { keepListening } = await import('./keep-listening.ts');
  const { socketGroup } = options;
  const place = { dataDir, ...(socketGroup !== undefined && { socketGroup }) };
  const serve = () => serveAgent({ orchestrator, onShutdown, ...place });
  const own = await keepListening(serve, logger);
  listeners.push(own);
  const others = await serveOthers(grpc, orchestrator, onShutdown, logger);
  if (others !== undefined) listeners.push(others);
  const web = http && (await serveWish(doors, { ...http, port: httpPort ?? http.port }));
  if (web !== undefined) listeners.push(web);
  return {
    ready: { orchestrator, socket: own.socket, ...(web && { url: web.url }) },
    async update(settings) {
      // What is wrong with one of them shall not leave the other half done.
      if (settings.http !== undefined) web?.update(settings.http);
      if (settings.grpc !== undefined) await others?.renew(settings.grpc.tls);
    },
  };
}

/** Loaded by agents that serve HTTP only. */
async function serveWish(
  { orchestrator, logger, onShutdown }: ServingDoors,
  wish: HttpWish,
): Promise<HttpService> {
  const { serveHttp } = await import('../http/serve-http.ts');
  return serveHttp(orchestrator, { ...wish, logger, onShutdown });
}
