/** Asks a host to end, which it does only when nothing is placed in it. */
import { call } from './call.ts';
import { ExecutorServiceService } from './gen/holdfast/executor/v1/executor.ts';
import { LogmonServiceService } from './gen/holdfast/logmon/v1/logmon.ts';
import type { Host } from './spawn-host.ts';

const DEADLINE_MS = 2_000;

/** True when the host said that it ends. A host that cannot be asked stays: it does no harm. */
export async function dismissHost(host: Host, agentEpoch: number): Promise<boolean> {
  const options = { deadlineMs: DEADLINE_MS };
  try {
    if (host.address.kind === 'executor') {
      const request = { agentEpoch };
      return (
        (await call(host.channel, ExecutorServiceService.shutdown, request, options)).runs === 0
      );
    }
    return (
      (await call(host.channel, LogmonServiceService.shutdown, { agentEpoch }, options)).tasks === 0
    );
  } catch {
    return false;
  }
}
