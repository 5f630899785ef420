/** The way to one agent: calls over its channel, until it is closed. Whoever acts for others has one of his own. */
import { HoldfastError } from '../errors.ts';
import { call, follow } from '../rpc/grpc-call.ts';
import { isWaiting } from '../server/agent-socket.ts';
import { openRemoteSession } from './remote-session.ts';
import type { AttachOptions, ExecSession } from '../api.ts';
import type { Channel } from '../rpc/grpc-connect.ts';
import type { CalledMethod, CallOptions } from '../rpc/method.ts';

export class AgentLine {
  readonly #channel: Channel;
  readonly #socket: string;
  readonly #closing: AbortController;
  readonly #actingFor: string | undefined;

  constructor(
    channel: Channel,
    socket: string,
    closing: AbortController = new AbortController(),
    actingFor?: string,
  ) {
    this.#channel = channel;
    this.#socket = socket;
    this.#closing = closing;
    this.#actingFor = actingFor;
  }

  /** The same line: who closes one closes both. */
  actingFor(name: string): AgentLine {
    return new AgentLine(this.#channel, this.#socket, this.#closing, name);
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  close(): void {
    this.#closing.abort();
    this.#channel.close();
  }

  /** Errors: the agent's own, CLOSED after `close`, UNAVAILABLE when the agent is gone. */
  async call<Request, Response>(
    method: CalledMethod<Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Response> {
    this.#assertOpen();
    try {
      return await call(this.#channel, method, request, { ...options, actingFor: this.#actingFor });
    } catch (error) {
      throw this.#named(error);
    }
  }

  async *follow<Request, Response>(
    method: CalledMethod<Request, Response>,
    request: Request,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Response, void, undefined> {
    this.#assertOpen();
    const ends = signal === undefined ? this.closing : AbortSignal.any([signal, this.closing]);
    try {
      yield* follow(this.#channel, method, request, { signal: ends });
    } catch (error) {
      throw this.#named(error);
    }
  }

  async openSession(
    first: Parameters<typeof openRemoteSession>[1],
    options: AttachOptions,
  ): Promise<ExecSession> {
    this.#assertOpen();
    try {
      return await openRemoteSession(this.#channel, first, options, this.#actingFor);
    } catch (error) {
      throw this.#named(error);
    }
  }

  /** A lost connection says which agent it was. */
  #named(error: unknown): unknown {
    if (!HoldfastError.is(error, 'UNAVAILABLE') || isWaiting(error)) return error;
    const message = `the agent on ${this.#socket} is gone (${error.message})`;
    return new HoldfastError('UNAVAILABLE', message, { cause: error });
  }

  #assertOpen(): void {
    if (this.closing.aborted) {
      throw new HoldfastError('CLOSED', 'this connection to the agent is closed');
    }
  }
}
