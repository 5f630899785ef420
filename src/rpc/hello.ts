import type { HostKind } from './address-file.ts';
import { call, type Method } from './call.ts';
import type { Channel } from './connect.ts';
import { ExecutorServiceService } from './gen/holdfast/executor/v1/executor.ts';
import { LogmonServiceService } from './gen/holdfast/logmon/v1/logmon.ts';

/** What every kind of host says about itself. */
export interface Greeting {
  readonly hostId: string;
  readonly protocol: number;
  readonly version: string;
  readonly pid: number;
}

interface GreetingRequest {
  agentEpoch: number;
  instanceId: string;
}

const HELLO: Record<HostKind, Method<GreetingRequest, Greeting>> = {
  executor: ExecutorServiceService.hello,
  logmon: LogmonServiceService.hello,
};

const HELLO_DEADLINE_MS = 5_000;

/** The first call on every channel: tells the host which agent speaks from now on. Throws EPOCH_STALE. */
export function hello(
  channel: Channel,
  kind: HostKind,
  request: { readonly agentEpoch: number; readonly instanceId: string },
): Promise<Greeting> {
  const { agentEpoch, instanceId } = request;
  const options = { deadlineMs: HELLO_DEADLINE_MS };
  return call(channel, HELLO[kind], { agentEpoch, instanceId }, options);
}
