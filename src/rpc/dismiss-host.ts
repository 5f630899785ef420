/** Asks a host to end, which it does only when nothing is placed in it. */
import { dockerLoggerMethods } from './docker-logger-methods.ts';
import { executorMethods } from './executor-methods.ts';
import { call } from './framed-client.ts';
import { logmonMethods } from './logmon-methods.ts';
import type { Host } from './spawn-host.ts';

const DEADLINE_MS = 2_000;

/** True when the host said that it ends. A host that cannot be asked stays: it does no harm. */
export async function dismissHost(host: Host, agentEpoch: number): Promise<boolean> {
  try {
    return (await placedIn(host, { agentEpoch })) === 0;
  } catch {
    return false;
  }
}

async function placedIn(
  { address, channel }: Host,
  request: { readonly agentEpoch: number },
): Promise<number> {
  const options = { deadlineMs: DEADLINE_MS };
  if (address.kind === 'executor') {
    return (await call(channel, executorMethods.shutdown, request, options)).runs;
  }
  if (address.kind === 'docker-logger') {
    return (await call(channel, dockerLoggerMethods.shutdown, request, options)).runs;
  }
  // It ends with its agent, not when it has nothing to do.
  if (address.kind === 'driver') return 1;
  return (await call(channel, logmonMethods.shutdown, request, options)).tasks;
}
