import type { HostKind } from './address-file.ts';
import { dockerLoggerMethods } from './docker-logger-methods.ts';
import { driverMethods } from './driver-methods.ts';
import { executorMethods } from './executor-methods.ts';
import type { Channel } from './framed-channel.ts';
import { call } from './framed-client.ts';
import { logmonMethods } from './logmon-methods.ts';
import type { CalledMethod } from './method.ts';

/** What every kind of host says about itself. */
export interface Greeting {
  readonly hostId: string;
  readonly protocol: number;
  readonly version: string;
  readonly pid: number;
  /** Of a logmon host: for how many tasks it collects. */
  readonly tasks?: number;
  /** Of a logmon host: output that cannot be written now. Older hosts tell of none. */
  readonly waiting?: readonly {
    readonly taskKey: string;
    /** Milliseconds since 1970. */
    readonly sinceMs: number;
    /** The name of an errno. */
    readonly reason: string;
  }[];
}

interface GreetingRequest {
  agentEpoch: number;
  instanceId: string;
}

const HELLO: Record<HostKind, CalledMethod<GreetingRequest, Greeting>> = {
  executor: executorMethods.hello,
  logmon: logmonMethods.hello,
  'docker-logger': dockerLoggerMethods.hello,
  // Without options, which are given once it is known who answers.
  driver: {
    ...driverMethods.hello,
    requestSerialize: (request) =>
      driverMethods.hello.requestSerialize({ ...request, options: Buffer.alloc(0) }),
  },
};

const HELLO_DEADLINE_MS = 5_000;

/** The first call on every channel: tells the host which agent speaks from now on. Throws EPOCH_STALE, TIMEOUT. */
export function hello(
  channel: Channel,
  kind: HostKind,
  request: { readonly agentEpoch: number; readonly instanceId: string },
  deadlineMs = HELLO_DEADLINE_MS,
): Promise<Greeting> {
  const { agentEpoch, instanceId } = request;
  return call(channel, HELLO[kind], { agentEpoch, instanceId }, { deadlineMs });
}
