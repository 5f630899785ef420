/** One request at a time of all connections: let in, read, served and answered. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { HoldfastError } from '../errors.ts';
import { answerError, writeAnswer } from './answer.ts';
import { readBody, readQuery } from './fields.ts';
import { assertScope, type Guard } from './guard.ts';
import { Matcher } from './match.ts';
import { receiveJson } from './receive.ts';
import { ROUTES } from './routes.ts';
import { agree, refuseUpgrade } from './upgrade.ts';
import type { Actor, Orchestrator } from '../api.ts';
import type { Logger } from '../ports.ts';
import type { Call, Route } from './route.ts';
import type { Caller } from './tokens.ts';

export interface ConversationDoors {
  readonly orchestrator: Orchestrator;
  readonly guard: Guard;
  readonly logger: Logger;
  readonly storeId: string;
  readonly isolatedDrivers: readonly string[];
  readonly heartbeatMs: number;
  readonly onShutdown: () => void;
}

/** Who calls what, before anything of the body is read. */
interface Admitted {
  readonly route: Route;
  readonly ref: string;
  readonly caller: Caller | undefined;
  readonly query: Call['query'];
}

export class Conversations {
  readonly #doors: ConversationDoors;
  readonly #matcher = new Matcher(ROUTES);
  readonly #ended = new AbortController();
  readonly #sockets = new Set<Duplex>();

  constructor(doors: ConversationDoors) {
    this.#doors = doors;
  }

  /** Streams end, and whoever waits is answered. */
  end(): void {
    this.#ended.abort(new HoldfastError('CLOSED', 'the service ends'));
  }

  /** Connections that were upgraded are no server's any more. */
  breakOff(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Never rejects. */
  async hear(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort(new HoldfastError('ABORTED', 'the caller went away')));
    // A connection that has had its last answer shall not be waited for.
    response.once('finish', () => this.#ended.signal.aborted && request.socket.end());
    // Whoever breaks off is heard of by `close`.
    response.on('error', () => undefined);
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('holdfast-store-id', this.#doors.storeId);
    try {
      await this.#serve(request, response, AbortSignal.any([gone.signal, this.#ended.signal]));
    } catch (error) {
      this.#logged(error);
      // What was not read of it would be taken for the next request.
      if (!request.complete && !response.headersSent) response.setHeader('connection', 'close');
      answerError(response, error);
    }
  }

  /** Never rejects. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const gone = new AbortController();
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      gone.abort(new HoldfastError('ABORTED', 'the caller went away'));
    });
    this.#sockets.add(socket);
    try {
      const admitted = this.#admit(request);
      const { converse } = admitted.route;
      if (converse === undefined) throw new HoldfastError('USAGE', 'this path is no WebSocket');
      const webSocket = await agree(request, socket, head);
      const signal = AbortSignal.any([gone.signal, this.#ended.signal]);
      await converse(this.#call(admitted, request, signal), webSocket);
    } catch (error) {
      this.#logged(error);
      refuseUpgrade(socket, error);
    }
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const admitted = this.#admit(request);
    const { route } = admitted;
    const body = readBody(route.method === 'POST' ? await receiveJson(request) : {}, route.body);
    const shutDown = (): void => void response.once('close', this.#doors.onShutdown);
    const call = { ...this.#call(admitted, request, signal), body, shutDown };
    await writeAnswer(response, await route.serve(call), signal);
  }

  #admit(request: IncomingMessage): Admitted {
    const { guard } = this.#doors;
    guard.assertPlace(request);
    const [path = '', asked = ''] = (request.url ?? '').split(/\?(.*)/s);
    const { route, pieces } = this.#matcher.find(request.method ?? '', path);
    const ref = pieces.join('/');
    const caller = this.#letIn(request, route, ref);
    const query = readQuery(new URLSearchParams(asked), route.query, Date.now());
    return { route, ref, caller, query };
  }

  /** Whoever wants to change something and may not is recorded; who knows no token has no name. */
  #letIn(request: IncomingMessage, route: Route, ref: string): Caller | undefined {
    const { guard, orchestrator } = this.#doors;
    if (route.scope === undefined) return undefined;
    try {
      return guard.callerFor(request, route.scope);
    } catch (error) {
      if (isAudited(route)) {
        const refused = { command: commandOf(route), ref, error };
        orchestrator.as(actorOf(request, guard.known(request))).noteRefused(refused);
      }
      throw error;
    }
  }

  #call(
    { route, ref, caller, query }: Admitted,
    request: IncomingMessage,
    signal: AbortSignal,
  ): Call {
    const { isolatedDrivers, heartbeatMs } = this.#doors;
    const own = this.#doors.orchestrator;
    const orchestrator = isAudited(route) ? own.as(actorOf(request, caller)) : own;
    return {
      orchestrator,
      ref,
      query,
      body: {},
      signal,
      serviceEnds: this.#ended.signal,
      headers: request.headers,
      actor: caller?.name ?? '',
      assertScope: (scope) => assertScope(caller ?? { name: 'nobody', scopes: [] }, scope),
      isolatedDrivers,
      heartbeatMs,
      shutDown: () => undefined,
    };
  }

  #logged(error: unknown): void {
    const { code, message, stack } = HoldfastError.from(error);
    if (code === 'INTERNAL') this.#doors.logger.error({ stack }, message);
  }
}

/** The word for it in process. */
function commandOf({ operation }: Route): string {
  return COMMANDS[operation] ?? operation.replace(/(Alloc|Task)$/, '');
}

const COMMANDS: Readonly<Record<string, string>> = { removeAlloc: 'gc', shutDown: 'close' };

function isAudited({ scope }: Route): boolean {
  return scope !== undefined && scope !== 'read' && scope !== 'logs';
}

function actorOf({ socket, headers }: IncomingMessage, caller: Caller | undefined): Actor {
  const { remoteAddress = '', remotePort = 0 } = socket;
  const host = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress;
  const client = headers['user-agent'];
  return {
    via: 'http',
    name: caller?.name ?? '',
    address: `${host}:${remotePort}`,
    ...(caller === undefined ? {} : { scopes: caller.scopes }),
    ...(client === undefined ? {} : { client }),
  };
}
