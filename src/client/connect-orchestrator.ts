/** The way in for users of an agent: the interface of `openOrchestrator`, over the agent's socket. */
import { access, constants } from 'node:fs/promises';
import { errnoOf, HoldfastError, messageOf } from '../errors.ts';
import { call } from '../rpc/grpc-call.ts';
import { connect } from '../rpc/grpc-connect.ts';
import { AgentServiceService } from '../rpc/gen/holdfast/agent/v1/agent.ts';
import { assertSocketPath } from '../rpc/unix-socket.ts';
import { AGENT_PROTOCOL, agentSocket } from '../server/agent-socket.ts';
import { fromRecovery } from '../server/convert.ts';
import { RemoteOrchestrator } from './remote-orchestrator.ts';
import type { Orchestrator } from '../api.ts';

export interface ConnectOptions {
  /** The agent's data directory: its socket is `agent.sock` in it. One of the two is needed. */
  readonly dataDir?: string;
  /** Path of the socket itself. */
  readonly socket?: string;
  /** How long an agent that listens may take to answer, in milliseconds. Default 5,000. */
  readonly deadlineMs?: number;
}

/**
 * Connects to a running agent. `recovery` is what that agent found when it opened. `close()` and `await using` only
 * disconnect; `close({ tasks })` asks the agent to end first, stopping or leaving its tasks. Errors: USAGE,
 * UNAVAILABLE (no agent, or one of another protocol), PERMISSION_DENIED.
 */
export async function connectOrchestrator(options: ConnectOptions): Promise<Orchestrator> {
  const socket =
    options.socket ?? (options.dataDir === undefined ? undefined : agentSocket(options.dataDir));
  if (socket === undefined) {
    throw new HoldfastError('USAGE', 'connectOrchestrator needs a dataDir or a socket');
  }
  await assertReachable(socket);
  const deadlineMs = options.deadlineMs ?? 5_000;
  const channel = await connect(socket, deadlineMs);
  try {
    const hello = await call(channel, AgentServiceService.hello, {}, { deadlineMs });
    if (hello.protocol !== AGENT_PROTOCOL || hello.recovery === undefined) {
      const message = `the agent on ${socket} speaks protocol ${hello.protocol}, this is ${AGENT_PROTOCOL}: use its own version of holdfast`;
      throw new HoldfastError('UNAVAILABLE', message, { retryable: false });
    }
    return new RemoteOrchestrator(channel, socket, fromRecovery(hello.recovery));
  } catch (error) {
    channel.close();
    throw error;
  }
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
