/** Who makes a call of the agent's service. */
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { peerCredentials, userName, type PeerCredentials } from '../os/peer-credentials.ts';
import { ACTING_FOR } from './acting-for.ts';

/** What calls of every kind have. */
type Call = Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'getPeer' | 'getAuthContext'>;

export interface GrpcCaller {
  readonly via: 'socket' | 'grpc';
  readonly name: string;
  readonly uid?: number;
  readonly pid?: number;
  readonly address?: string;
  readonly client?: string;
  readonly onBehalfOf?: string;
}

/** Never throws. */
export function callerOf(call: Call): GrpcCaller {
  const client = firstWord(call.metadata.get('user-agent')[0]);
  const actingFor = decoded(call.metadata.get(ACTING_FOR)[0]);
  return {
    ...(certifiedCaller(call) ?? localCaller(call)),
    ...(client === undefined ? {} : { client }),
    ...(actingFor === undefined ? {} : { onBehalfOf: actingFor }),
  };
}

function certifiedCaller(call: Call): GrpcCaller | undefined {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (certificate === undefined) return undefined;
  const subject = Object.entries(certificate.subject ?? {});
  const name = subject.map(([field, value]) => `${field}=${String(value)}`).join(', ');
  return { via: 'grpc', name, address: call.getPeer() };
}

function localCaller(call: Call): GrpcCaller {
  const peer = peerOf(call);
  return peer === undefined
    ? { via: 'socket', name: '' }
    : { via: 'socket', name: userName(peer.uid), ...peer };
}

/**
 * grpc-js hands out no socket. Where its insides are otherwise than here, nothing is known of the peer but that the
 * mode of the socket let it in: its own user, or root.
 */
function peerOf(call: Call): PeerCredentials | undefined {
  const path = ['call', 'nextCall', 'stream', 'session', 'socket', '_handle', 'fd'];
  const fd = path.reduce<unknown>(inner, call);
  return typeof fd === 'number' && fd >= 0 ? peerCredentials(fd) : undefined;
}

/** Without interceptors there is one call less around the stream. */
function inner(outer: unknown, name: string): unknown {
  if (typeof outer !== 'object' || outer === null) return undefined;
  const found: unknown = Reflect.get(outer, name);
  return name === 'nextCall' && found === undefined ? outer : found;
}

/** `holdfast/1.2.3`, of which gRPC's own name follows. */
function firstWord(value: string | Buffer | undefined): string | undefined {
  return value === undefined ? undefined : String(value).split(' ', 1)[0];
}

function decoded(value: string | Buffer | undefined): string | undefined {
  if (value === undefined) return undefined;
  try {
    return decodeURIComponent(String(value));
  } catch {
    return undefined;
  }
}
