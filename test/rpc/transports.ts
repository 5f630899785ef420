/** Both ways to serve and call the same methods, so that one contract can be run against each. */
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { HoldfastError } from '../../src/errors.ts';
import { executorMethods } from '../../src/rpc/executor-methods.ts';
import * as framed from '../../src/rpc/framed-client.ts';
import { openChannel } from '../../src/rpc/framed-channel.ts';
import { framedService, serveFrames } from '../../src/rpc/framed-server.ts';
import { answer, answerStream } from '../../src/rpc/grpc-answer.ts';
import * as grpc from '../../src/rpc/grpc-call.ts';
import { connect } from '../../src/rpc/grpc-connect.ts';
import { serve } from '../../src/rpc/grpc-serve.ts';
import type { CalledMethod, CallOptions, Handlers } from '../../src/rpc/method.ts';
import type { Listener } from '../../src/rpc/unix-socket.ts';

export type ExecutorHandlers = Handlers<typeof executorMethods>;

/** A channel with its transport's functions. */
export interface Caller {
  call<Request, Response>(
    method: CalledMethod<Request, Response>,
    request: Request,
    options?: CallOptions,
  ): Promise<Response>;
  follow<Request, Response>(
    method: CalledMethod<Request, Response>,
    request: Request,
    options?: CallOptions,
  ): AsyncGenerator<Response, void, undefined>;
  close(): void;
}

export interface Transport {
  readonly name: string;
  serve(handlers: Partial<ExecutorHandlers>, socket: string): Promise<Listener>;
  connect(socket: string, deadlineMs: number): Promise<Caller>;
}

function withUnused(handlers: Partial<ExecutorHandlers>): ExecutorHandlers {
  const unused = (): never => {
    throw new HoldfastError('CAPABILITY_MISSING', 'not in this test');
  };
  const names = Object.keys(executorMethods).map((name) => [name, unused]);
  return { ...(Object.fromEntries(names) as unknown as ExecutorHandlers), ...handlers };
}

export const FRAMES: Transport = {
  name: 'frames',
  serve: (handlers, socket) =>
    serveFrames(framedService(executorMethods, withUnused(handlers)), socket),
  connect: async (socket, deadlineMs) => {
    const channel = await openChannel(socket, deadlineMs);
    return {
      call: (method, request, options) => framed.call(channel, method, request, options),
      follow: (method, request, options) => framed.follow(channel, method, request, options),
      close: () => channel.close(),
    };
  },
};

export const GRPC: Transport = {
  name: 'gRPC',
  serve: (handlers, socket) => {
    const { follow, ...unary } = withUnused(handlers);
    const answers = Object.entries(unary).map(([name, handler]) => [
      name,
      answer(handler as (request: unknown, signal: AbortSignal) => unknown),
    ]);
    const all = {
      ...Object.fromEntries(answers),
      follow: answerStream(follow),
    } as UntypedServiceImplementation;
    return serve([{ definition: executorMethods, handlers: all }], socket);
  },
  connect: async (socket, deadlineMs) => {
    const channel = await connect(socket, deadlineMs);
    return {
      call: (method, request, options) => grpc.call(channel, method, request, options),
      follow: (method, request, options) => grpc.follow(channel, method, request, options),
      close: () => channel.close(),
    };
  },
};
