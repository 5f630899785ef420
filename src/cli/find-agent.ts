import { join } from 'node:path';
import { connectOrchestrator } from '../client/connect-orchestrator.ts';
import { checkDataDirectory, checkDataDirectoryPath } from '../data-dir.ts';
import { HoldfastError, messageOf } from '../errors.ts';
import { layoutOf } from '../layout.ts';
import { probeSocket } from '../rpc/unix-socket.ts';
import { agentSocket, isWaiting } from '../server/agent-socket.ts';
import type { Orchestrator } from '../api.ts';

/** The agent of a data directory. Errors: UNAVAILABLE with what to do, DATA_DIR_REFUSED, PERMISSION_DENIED. */
export async function findAgent(dataDir: string): Promise<Orchestrator> {
  const agent = await agentIfAny(dataDir);
  if (agent !== undefined) return agent;
  const { holderOf } = await import('../doctor/agent-presence.ts');
  const holder = holderOf(layoutOf(dataDir));
  throw new HoldfastError(
    'UNAVAILABLE',
    holder === undefined
      ? `no agent runs on ${dataDir}: start one with "holdfast agent --data-dir ${dataDir}"`
      : `pid ${holder} holds ${dataDir} and does not listen: an agent that is not ready, or a program that embeds Holdfast`,
  );
}

/** Undefined when nobody listens. One who listens and does not answer is an error: a second agent would not help. */
export async function agentIfAny(dataDir: string): Promise<Orchestrator | undefined> {
  checkDataDirectoryPath(dataDir);
  const socket = agentSocket(dataDir);
  const verdict = await probeSocket(socket);
  if (verdict === 'absent' || verdict === 'dead') {
    checkDataDirectory(dataDir);
    return undefined;
  }
  try {
    return await connectOrchestrator({ socket });
  } catch (error) {
    // What is wrong with the directory explains it better than what the socket answered.
    checkDataDirectory(dataDir);
    if (!HoldfastError.is(error, 'UNAVAILABLE') || isWaiting(error)) throw error;
    const log = join(dataDir, 'state', 'agent.log');
    const message = `the agent on ${dataDir} does not answer (${messageOf(error)}): look at ${log}`;
    throw new HoldfastError('UNAVAILABLE', message, { cause: error });
  }
}
