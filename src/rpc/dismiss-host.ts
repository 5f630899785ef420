/** Asks a host to end, which it does only when nothing is placed in it. */
import { executorMethods } from './executor-methods.ts';
import { call } from './framed-client.ts';
import { logmonMethods } from './logmon-methods.ts';
import type { Host } from './spawn-host.ts';

const DEADLINE_MS = 2_000;

/** True when the host said that it ends. A host that cannot be asked stays: it does no harm. */
export async function dismissHost(host: Host, agentEpoch: number): Promise<boolean> {
  const options = { deadlineMs: DEADLINE_MS };
  try {
    if (host.address.kind === 'executor') {
      const request = { agentEpoch };
      return (await call(host.channel, executorMethods.shutdown, request, options)).runs === 0;
    }
    return (await call(host.channel, logmonMethods.shutdown, { agentEpoch }, options)).tasks === 0;
  } catch {
    return false;
  }
}
