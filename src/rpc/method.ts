/** Methods of a service as both transports need them, made from what ts-proto generates without any transport. */

/** One method as far as a caller needs it. */
export interface CalledMethod<Request, Response> {
  /** `/holdfast.executor.v1.ExecutorService/Launch` */
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** One method, whole. grpc-js takes it as a MethodDefinition, too. */
export interface Method<Request, Response, Streams extends boolean = boolean> extends CalledMethod<
  Request,
  Response
> {
  readonly requestStream: false;
  /** One answer, or many. */
  readonly responseStream: Streams;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (response: Response) => Buffer;
}

export interface CallOptions {
  /** Milliseconds from now; a call without one may wait as long as its host lives. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** On whose behalf the caller asks. */
  readonly actingFor?: string | undefined;
}

interface Codec {
  encode(message: unknown): { finish(): Uint8Array };
  decode(input: Uint8Array): unknown;
}

interface MethodShape {
  readonly name: string;
  readonly requestType: Codec;
  readonly responseType: Codec;
  readonly responseStream: boolean;
}

/** A `…ServiceDefinition` of generated code. */
interface ServiceShape {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodShape>>;
}

export type Methods<Shape extends ServiceShape> = {
  readonly [Name in keyof Shape['methods']]: Method<
    ReturnType<Shape['methods'][Name]['requestType']['decode']>,
    ReturnType<Shape['methods'][Name]['responseType']['decode']>,
    Shape['methods'][Name]['responseStream']
  >;
};

/** What answers each method. `signal` aborts when the caller cancels or goes away; what is thrown is sent. */
export type Handlers<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Method<infer Request, infer Response, true>
    ? (request: Request, signal: AbortSignal) => AsyncIterable<Response>
    : Table[Name] extends Method<infer Request, infer Response, false>
      ? (request: Request, signal: AbortSignal) => Promise<Response> | Response
      : never;
};

export function methodsOf<Shape extends ServiceShape>(shape: Shape): Methods<Shape> {
  const entries = Object.entries(shape.methods).map(([key, method]) => {
    const made: Method<unknown, unknown> = {
      path: `/${shape.fullName}/${method.name}`,
      requestStream: false,
      responseStream: method.responseStream,
      requestSerialize: (request) => toBuffer(method.requestType.encode(request).finish()),
      requestDeserialize: (bytes) => method.requestType.decode(bytes),
      responseSerialize: (response) => toBuffer(method.responseType.encode(response).finish()),
      responseDeserialize: (bytes) => method.responseType.decode(bytes),
    };
    return [key, made] as const;
  });
  return Object.fromEntries(entries) as unknown as Methods<Shape>;
}

/** The same bytes, not a copy. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
