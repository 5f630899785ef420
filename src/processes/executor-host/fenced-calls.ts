import { EpochGuard } from '../../rpc/epoch-guard.ts';
import type { executorMethods } from '../../rpc/executor-methods.ts';
import type * as wire from '../../rpc/gen/holdfast/executor/v1/executor.ts';
import type { Handlers } from '../../rpc/method.ts';
import type { ExecutorHost } from './service.ts';

/** What answers the host's methods, each behind the fence against an agent that was replaced. */
export function executorHandlers(host: ExecutorHost): Handlers<typeof executorMethods> {
  const guard = new EpochGuard(host.stateDir);
  const fencedBy =
    (check: 'check' | 'checkRecorded') =>
    <Request extends { agentEpoch: number }, Response>(handler: (request: Request) => Response) =>
    (request: Request): Response => {
      guard[check](request.agentEpoch);
      return handler(request);
    };
  const fenced = fencedBy('check');
  const fencedTwice = fencedBy('checkRecorded');
  return {
    hello: fencedTwice((request: wire.HelloRequest) => host.hello(request)),
    launch: fencedTwice((request: wire.LaunchRequest) => host.launch(request)),
    adopt: fenced((request: wire.AdoptRequest) => host.adopt(request)),
    stop: fenced((request: wire.StopRequest) => host.stop(request)),
    signal: fenced((request: wire.SignalRequest) => host.signal(request)),
    forget: fenced((request: wire.ForgetRequest) => host.forget(request)),
    shutdown: fenced(() => host.shutdown()),
    follow: (request, signal) => {
      guard.check(request.agentEpoch);
      return host.follow(signal);
    },
    stats: (request, signal) => {
      guard.check(request.agentEpoch);
      return host.stats(request, signal);
    },
  };
}
