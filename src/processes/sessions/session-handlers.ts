import { EpochGuard } from '../../rpc/epoch-guard.ts';
import type { Handlers } from '../../rpc/method.ts';
import type { sessionMethods } from '../../rpc/session-methods.ts';
import type { Sessions } from './sessions.ts';

/** What answers the methods about sessions, each behind the fence against an agent that was replaced. */
export function sessionHandlers(
  sessions: Sessions,
  stateDir: string,
): Handlers<typeof sessionMethods> {
  const guard = new EpochGuard(stateDir);
  const fenced =
    <Request extends { agentEpoch: number }, Response>(
      handler: (request: Request, signal: AbortSignal) => Response,
    ) =>
    (request: Request, signal: AbortSignal): Response => {
      guard.check(request.agentEpoch);
      return handler(request, signal);
    };
  return {
    openSession: (request) => {
      guard.checkRecorded(request.agentEpoch);
      return sessions.open(request);
    },
    attachSession: fenced((request, signal) => sessions.attach(request, signal)),
    writeSession: fenced((request) => sessions.write(request)),
    takeSession: fenced((request) => sessions.take(request)),
    resizeSession: fenced((request) => sessions.resize(request)),
    signalSession: fenced((request) => sessions.signal(request)),
    waitSession: fenced((request, signal) => sessions.wait(request, signal)),
    closeSession: fenced((request) => sessions.close(request)),
    forgetSession: fenced((request) => sessions.forget(request)),
  };
}
