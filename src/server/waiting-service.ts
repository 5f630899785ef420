/** An agent that waits to open its store again answers all the same: who asks shall hear that it is there, and why. */
import { HoldfastError } from '../errors.ts';
import { AgentServiceService } from '../rpc/gen/holdfast/agent/v1/agent.ts';
import { answer, answerStream } from '../rpc/grpc-answer.ts';
import { serve } from '../rpc/grpc-serve.ts';
import { probeSocket, type Listener } from '../rpc/unix-socket.ts';
import { agentSocket } from './agent-socket.ts';
import { withEdgeServices } from './edge-services.ts';

/**
 * Answers every call with UNAVAILABLE, `details.isWaiting` and the reason. Undefined when it cannot listen, or when
 * another agent has come in between.
 */
export async function serveWaiting(
  { dataDir, socketGroup }: { readonly dataDir: string; readonly socketGroup?: string },
  failure: HoldfastError,
): Promise<Listener | undefined> {
  const socket = agentSocket(dataDir);
  const refuse = (): never => {
    throw waiting(failure);
  };
  const handlers = Object.fromEntries(
    Object.entries(AgentServiceService).map(([name, { responseStream }]) => [
      name,
      responseStream
        ? answerStream(async function* () {
            yield refuse();
          })
        : answer(refuse),
    ]),
  );
  try {
    if ((await probeSocket(socket)) === 'listening') return undefined;
    const services = [{ definition: AgentServiceService, handlers }];
    return await serve(
      withEdgeServices(services, { isServing: false, hasReflection: true }),
      socket,
      socketGroup,
    );
  } catch {
    // A disk that is full may refuse the socket too; the agent's log tells then.
    return undefined;
  }
}

function waiting({ code, message }: HoldfastError): HoldfastError {
  const text = `the agent (pid ${process.pid}) waits to open its store again: ${message}`;
  return new HoldfastError('UNAVAILABLE', text, {
    details: { isWaiting: true, pid: process.pid, code },
  });
}
