/** The agent's API for other machines: `holdfast agent --grpc`. */
import type { Orchestrator } from '../api.ts';
import { HoldfastError } from '../errors.ts';
import type { Logger } from '../ports.ts';
import type { TcpListener } from '../rpc/grpc-serve.ts';
import type { serveAgentTcp } from '../server/agent-service.ts';
import { assertTls } from './pem-file.ts';
import { readPlace, readTls, type TlsFiles } from './remote-place.ts';

export interface GrpcOptions extends TlsFiles {
  /** `host:port`; left out: nobody but this machine is served. */
  readonly listen?: string | undefined;
}

export type GrpcPlace = Parameters<typeof serveAgentTcp>[1];

const NAMES = { ca: '--grpc-ca', cert: '--grpc-cert', key: '--grpc-key' };

/** Before anything is opened. Undefined when no other machine is to be served. Throws USAGE. */
export async function grpcPlace(options: GrpcOptions): Promise<GrpcPlace | undefined> {
  const { listen, ca, cert, key } = options;
  if (listen !== undefined) {
    const { host, port } = readPlace(listen, '--grpc');
    const tls = await readTls(options, NAMES);
    assertTls({ ...tls }, '--grpc-cert');
    return { host: host.replaceAll(/[[\]]/g, ''), port, tls };
  }
  if ([ca, cert, key].every((file) => file === undefined)) return undefined;
  throw new HoldfastError('USAGE', 'certificates are for --grpc, which says where to listen');
}

/**
 * Undefined when nobody else is to be served. Errors: USAGE for texts that are no certificates, UNAVAILABLE for a port
 * that cannot be had.
 */
export async function serveOthers(
  place: GrpcPlace | undefined,
  orchestrator: Orchestrator,
  onShutdown: () => void,
  logger: Logger,
): Promise<TcpListener | undefined> {
  if (place === undefined) return undefined;
  const { serveAgentTcp } = await import('../server/agent-service.ts');
  const listener = await serveAgentTcp({ orchestrator, onShutdown }, place);
  logger.info({ address: listener.address }, 'serving other machines');
  return listener;
}
