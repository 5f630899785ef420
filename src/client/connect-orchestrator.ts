/** The way in for users of an agent: the interface of `openOrchestrator`, over the agent's socket. */
import { access, constants } from 'node:fs/promises';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';
import { call } from '../rpc/grpc-call.ts';
import { type Channel, connect, connectTcp } from '../rpc/grpc-connect.ts';
import type { MutualTls } from '../rpc/grpc-serve.ts';
import { AgentServiceService } from '../rpc/gen/holdfast/agent/v1/agent.ts';
import { assertSocketPath } from '../rpc/unix-socket.ts';
import { AGENT_PROTOCOL, agentSocket } from '../server/agent-socket.ts';
import { fromRecovery } from '../server/convert.ts';
import { AgentLine } from './agent-line.ts';
import { RemoteOrchestrator } from './remote-orchestrator.ts';
import type { Orchestrator } from '../api.ts';

export interface ConnectOptions {
  /** The agent's data directory: its socket is `agent.sock` in it. One of `dataDir`, `socket`, `address` is needed. */
  readonly dataDir?: string;
  /** Path of the socket itself. */
  readonly socket?: string;
  /** `host:port` of an agent that serves other machines (`holdfast agent --grpc`); `tls` is needed then. */
  readonly address?: string;
  /** PEM texts: the authority that the agent's certificate is of, and the caller's own certificate and key. */
  readonly tls?: MutualTls;
  /** How long an agent that listens may take to answer, in milliseconds. Default 5,000. */
  readonly deadlineMs?: number;
}

/**
 * Connects to a running agent. `recovery` is what that agent found when it opened. `close()` and `await using` only
 * disconnect; `close({ tasks })` asks the agent to end first, stopping or leaving its tasks. Errors: USAGE,
 * UNAVAILABLE (no agent, one that does not know the certificate, or one of another protocol), PERMISSION_DENIED.
 */
export async function connectOrchestrator(options: ConnectOptions): Promise<Orchestrator> {
  const deadlineMs = options.deadlineMs ?? 5_000;
  const { channel, place } = await reach(options, deadlineMs);
  try {
    const hello = await call(channel, AgentServiceService.hello, {}, { deadlineMs });
    if (hello.protocol !== AGENT_PROTOCOL || hello.recovery === undefined) {
      const message = `the agent on ${place} speaks protocol ${hello.protocol}, this is ${AGENT_PROTOCOL}: use its own version of holdfast`;
      throw new HoldfastError('UNAVAILABLE', message, { retryable: false });
    }
    return new RemoteOrchestrator(new AgentLine(channel, place), fromRecovery(hello.recovery));
  } catch (error) {
    channel.close();
    throw error;
  }
}

async function reach(
  { dataDir, socket, address, tls }: ConnectOptions,
  deadlineMs: number,
): Promise<{ readonly channel: Channel; readonly place: string }> {
  if (address !== undefined) {
    if (tls === undefined) throw new HoldfastError('USAGE', `${address} needs tls: certificates`);
    return { channel: await connectTcp(address, tls, deadlineMs), place: address };
  }
  const place = socket ?? (dataDir === undefined ? undefined : agentSocket(dataDir));
  if (place === undefined) {
    throw new HoldfastError('USAGE', 'connectOrchestrator needs a dataDir, a socket or an address');
  }
  await assertReachable(place);
  return { channel: await connect(place, deadlineMs), place };
}

/** Told at once, where a channel would go on trying until its deadline. */
async function assertReachable(socket: string): Promise<void> {
  assertSocketPath(socket);
  try {
    await access(socket, constants.W_OK);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === 'EACCES' || errno === 'EPERM') {
      throw new HoldfastError('PERMISSION_DENIED', `you may not use ${socket}`, { cause });
    }
    const why = errno === 'ENOENT' ? 'there is no such socket' : messageOf(cause);
    throw new HoldfastError('UNAVAILABLE', `no agent listens on ${socket}: ${why}`, { cause });
  }
}
