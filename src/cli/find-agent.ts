import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectOrchestrator } from '../client/connect-orchestrator.ts';
import { checkDataDirectory, checkDataDirectoryPath } from '../data-dir.ts';
import { HoldfastError, messageOf } from '../errors.ts';
import { layoutOf } from '../layout.ts';
import { probeSocket, wasRemoved } from '../rpc/unix-socket.ts';
import { agentSocket, isWaiting } from '../server/agent-socket.ts';
import { agentLogPath } from './agent-log.ts';
import { remotePlace } from './remote-place.ts';
import type { Orchestrator } from '../api.ts';

/** The agent of a data directory. Errors: UNAVAILABLE with what to do, DATA_DIR_REFUSED, PERMISSION_DENIED. */
export async function findAgent(dataDir: string): Promise<Orchestrator> {
  const agent = await agentIfAny(dataDir);
  if (agent !== undefined) return agent;
  throw new HoldfastError('UNAVAILABLE', await absence(dataDir));
}

async function absence(dataDir: string): Promise<string> {
  const { holderOf, restart } = await import('../doctor/agent-presence.ts');
  const layout = layoutOf(dataDir);
  const holder = holderOf(layout);
  if (holder === undefined) {
    const driver = usesRawExec(layout.specDir) ? ' --driver raw_exec' : '';
    return `no agent runs on ${dataDir}: start one with "holdfast agent --data-dir ${dataDir}${driver}"`;
  }
  const stopped = await stoppedAgent(dataDir);
  if (stopped !== undefined) return stopped;
  if (wasRemoved(agentSocket(dataDir))) {
    return `somebody removed the socket of the agent on ${dataDir} (pid ${holder}): ${restart(holder)}`;
  }
  return `pid ${holder} holds ${dataDir} and does not listen: an agent that is not ready, or a program that embeds Holdfast; "holdfast doctor" tells more`;
}

/** Undefined when it is not stopped, or there is none. */
async function stoppedAgent(dataDir: string): Promise<string | undefined> {
  const { holderOf, wayOn } = await import('../doctor/agent-presence.ts');
  const holder = holderOf(layoutOf(dataDir));
  const remedy = holder === undefined ? undefined : wayOn(holder);
  return remedy && `the agent on ${dataDir} (pid ${holder}) is stopped: ${remedy}`;
}

/** What runs here may want the one driver that an agent has only when it is told so. */
function usesRawExec(specDir: string): boolean {
  try {
    const specs = readdirSync(specDir).map((name) => readFileSync(join(specDir, name), 'utf8'));
    return specs.some((text) => text.includes('"driver":"raw_exec"'));
  } catch {
    return false;
  }
}

/**
 * Undefined when nobody listens; never where HOLDFAST_AGENT names one. One who listens and does not answer is an error:
 * a second agent would not help.
 */
export async function agentIfAny(dataDir: string): Promise<Orchestrator | undefined> {
  const place = await remotePlace();
  if (place !== undefined) return connectOrchestrator(place);
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
    const log = agentLogPath(dataDir);
    const message =
      (await stoppedAgent(dataDir)) ??
      `the agent on ${dataDir} does not answer (${messageOf(error)}): look at ${log}`;
    throw new HoldfastError('UNAVAILABLE', message, { cause: error });
  }
}
