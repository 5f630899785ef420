/** What a route is. The list of them is `routes.ts`; to add one is to write an entry. */
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import type { Orchestrator } from '../api.ts';
import type { Fields, Values } from './fields.ts';
import type { Scope } from './scopes.ts';

/** What a handler is given. Query and body have been checked by the fields of its route. */
export interface Call<Q extends Fields = Fields, B extends Fields = Fields> {
  readonly orchestrator: Orchestrator;
  /** `ALLOC` or `ALLOC/TASK` of the path; empty when the path names none. */
  readonly ref: string;
  readonly query: Values<Q>;
  readonly body: Values<B>;
  /** Aborts when the caller has gone, or when the service closes. */
  readonly signal: AbortSignal;
  /** Aborts when the service closes. */
  readonly serviceEnds: AbortSignal;
  readonly headers: IncomingMessage['headers'];
  /** Name of the token that was shown. */
  readonly actor: string;
  /** Drivers whose tasks are isolated from the machine. */
  readonly isolatedDrivers: readonly string[];
  /** Throws PERMISSION_DENIED when the token that was shown has not this one too. */
  readonly assertScope: (scope: Scope) => void;
  /** How often a stream says something that has nothing to say. */
  readonly heartbeatMs: number;
  /** To be called when the agent is to end, after the answer has been sent. */
  readonly shutDown: () => void;
}

/** An answer that goes on. Written no faster than the caller reads. */
export interface Stream {
  readonly type: string;
  readonly chunks: AsyncIterable<string | Uint8Array>;
  /** What ends the answer when the source fails after the first byte was sent; empty breaks the connection off. */
  readonly failed: (error: unknown) => string;
  /** Written whenever nothing else was for so long. */
  readonly idle?: { readonly everyMs: number; readonly text: () => string };
  /** Sent before the source has anything. */
  readonly greeting?: string;
}

export type Answer =
  | { readonly json: unknown; readonly status?: number }
  | { readonly text: string; readonly type: string }
  | { readonly stream: Stream };

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `{alloc}` and `{task}` are pieces of the path; together they are the REF. */
  readonly path: string;
  /** Its name in the OpenAPI document; one word, never changed. */
  readonly operation: string;
  readonly summary: string;
  /** Undefined: anybody who reaches the port. */
  readonly scope: Scope | undefined;
  readonly query: Fields;
  readonly body: Fields;
  /** Content types of the answer, the one that is sent when nobody asks for another first. */
  readonly types: readonly string[];
  readonly serve: (call: Call) => Promise<Answer>;
  /** Of those that are WebSockets: resolves when it has been closed. */
  readonly converse?: (call: Call, socket: WebSocket) => Promise<void>;
}

interface Given<Q extends Fields, B extends Fields> {
  readonly summary: string;
  readonly scope: Scope | undefined;
  readonly query?: Q;
  readonly body?: B;
  readonly types?: readonly string[];
  readonly serve: (call: Call<Q, B>) => Promise<Answer>;
  readonly converse?: (call: Call<Q, B>, socket: WebSocket) => Promise<void>;
}

/** `at` is `METHOD /path`. The types of query and body are those of the fields. */
export function route<const Q extends Fields = {}, const B extends Fields = {}>(
  at: `${Route['method']} /${string}`,
  operation: string,
  given: Given<Q, B>,
): Route {
  const [method, path] = at.split(' ') as [Route['method'], string];
  const { query = {}, body = {}, types = ['application/json'], summary, scope } = given;
  const { serve, converse } = given as unknown as Pick<Route, 'serve' | 'converse'>;
  const more = converse === undefined ? {} : { converse };
  return { method, path, operation, summary, scope, query, body, types, serve, ...more };
}
