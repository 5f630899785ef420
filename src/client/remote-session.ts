/** One command beside a task, held over a socket: what `LocalSession` is in process. */
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { AttachOptions, ExecChunk, ExecExit, ExecSession, TerminalSize } from '../api.ts';
import { HoldfastError } from '../errors.ts';
import { metadataFor } from '../rpc/acting-for.ts';
import type { Channel } from '../rpc/grpc-connect.ts';
import { fromStatus } from '../rpc/grpc-status.ts';
import {
  ExecServiceService,
  type ExecOpened,
  type ExecRequest,
  type ExecResponse,
} from '../rpc/gen/holdfast/agent/v1/exec.ts';
import { fromEnded, fromOutput, toRequest } from '../server/exec-messages.ts';

type Part = NonNullable<ExecRequest['part']>;

const HEARTBEAT_MS = 10_000;
const PIECE_BYTES = 64 * 1024;
const TAKE_BYTES = 32 * 1024;

/** Begins the conversation and resolves when the command runs, or rejects with why it does not. */
export async function openRemoteSession(
  channel: Channel,
  first: Part,
  options: AttachOptions,
  actingFor: string | undefined,
): Promise<ExecSession> {
  const { path, requestSerialize, responseDeserialize } = ExecServiceService.exec;
  const stream = channel.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    metadataFor(actingFor),
  );
  const wire = new Wire(stream);
  wire.send(first);
  const opened = await wire.opened.promise;
  return new RemoteSession(wire, opened, options);
}

/** The messages of one call. All are read as they come: there are no more than a host keeps for a reader. */
class Wire {
  readonly opened = Promise.withResolvers<ExecOpened>();
  readonly ended = Promise.withResolvers<ExecExit>();
  readonly chunks: ExecChunk[] = [];
  /** No more chunks come; with the error that was the reason, if it was one. */
  end: { readonly error?: HoldfastError } | undefined;
  readonly #stream: ClientDuplexStream<ExecRequest, ExecResponse>;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #inputs: PromiseWithResolvers<void>[] = [];
  #wake = (): void => undefined;

  constructor(stream: ClientDuplexStream<ExecRequest, ExecResponse>) {
    this.#stream = stream;
    for (const promise of [this.opened.promise, this.ended.promise]) promise.catch(() => undefined);
    stream.on('data', (response: ExecResponse) => this.#hear(response));
    stream.on('error', (error: ServiceError) => this.#over(fromStatus(error)));
    stream.on('end', () => this.#over());
    this.#heartbeat = setInterval(() => this.send({ $case: 'heartbeat', value: {} }), HEARTBEAT_MS);
  }

  #hear({ part }: ExecResponse): void {
    if (part?.$case === 'opened') this.opened.resolve(part.value);
    else if (part?.$case === 'output') this.chunks.push(fromOutput(part.value));
    else if (part?.$case === 'inputTaken') this.#inputs.shift()?.resolve();
    else if (part?.$case === 'ended') {
      this.ended.resolve(fromEnded(part.value));
      this.#over();
    }
    this.#wake();
  }

  #over(error?: HoldfastError): void {
    clearInterval(this.#heartbeat);
    this.end ??= error === undefined ? {} : { error };
    const lost = error ?? new HoldfastError('UNAVAILABLE', 'the agent ended the conversation');
    this.opened.reject(lost);
    this.ended.reject(lost);
    for (const { resolve, reject } of this.#inputs.splice(0)) {
      // What a command that has ended did not read goes nowhere; what an agent did not pass on may be sent again.
      if (error === undefined) resolve();
      else reject(error);
    }
    this.#wake();
  }

  /** Resolves at the next message, or at once when there will be none. */
  news(): Promise<void> {
    if (this.end !== undefined) return Promise.resolve();
    return new Promise((resolve) => (this.#wake = resolve));
  }

  send(part: Part): void {
    if (this.#stream.writable) this.#stream.write(toRequest(part));
  }

  /** Errors: UNAVAILABLE when the agent is gone. */
  async tell(part: Part): Promise<void> {
    if (this.end?.error !== undefined) throw this.end.error;
    this.send(part);
  }

  /** Resolves when the agent has passed it on. Errors: UNAVAILABLE when it is gone before. */
  input(data: Buffer, closes: boolean): Promise<void> {
    if (this.end?.error !== undefined) return Promise.reject(this.end.error);
    if (this.end !== undefined) return Promise.resolve();
    const taken = Promise.withResolvers<void>();
    this.#inputs.push(taken);
    this.send({ $case: 'input', value: { data, closes } });
    return taken.promise;
  }

  /** Nothing more is said; the agent then ends the call. */
  finish(): void {
    this.#stream.end();
  }
  leave(): void {
    this.#over(new HoldfastError('ABORTED', 'nobody reads the session here any more'));
    this.#stream.cancel();
  }
}

class RemoteSession implements ExecSession {
  readonly id: string;
  readonly allocId: string;
  readonly task: string;
  readonly inputOffset: number;
  readonly output: AsyncIterable<ExecChunk>;
  readonly exit: Promise<ExecExit>;
  readonly #wire: Wire;
  #told = 0;
  #hasLeft = false;

  constructor(wire: Wire, opened: ExecOpened, { signal, takesByWord = false }: AttachOptions) {
    this.#wire = wire;
    this.id = opened.session;
    this.allocId = opened.allocId;
    this.task = opened.task;
    this.inputOffset = opened.inputOffset;
    this.exit = wire.ended.promise;
    this.output = this.#read(!takesByWord);
    const abort = (): void => void this[Symbol.asyncDispose]().catch(() => undefined);
    signal?.addEventListener('abort', abort, { once: true });
    const done = (): void => signal?.removeEventListener('abort', abort);
    this.exit.then(done, done);
    if (signal?.aborted === true) abort();
  }

  async *#read(takes: boolean): AsyncGenerator<ExecChunk, void, undefined> {
    const { chunks } = this.#wire;
    for (;;) {
      const chunk = chunks.shift();
      if (chunk !== undefined) {
        yield chunk;
        if (takes && chunk.offset - this.#told >= TAKE_BYTES) await this.take(chunk.offset);
        if (takes && chunks.length === 0 && this.#wire.end !== undefined)
          await this.take(chunk.offset);
      } else if (this.#wire.end === undefined) {
        await this.#wire.news();
      } else {
        if (this.#wire.end.error !== undefined && !this.#hasLeft) throw this.#wire.end.error;
        return this.#wire.finish();
      }
    }
  }

  async take(offset: number): Promise<void> {
    if (offset <= this.#told) return;
    this.#told = offset;
    this.#wire.send({ $case: 'taken', value: { offset } });
  }

  async write(data: Uint8Array | string): Promise<void> {
    const bytes = Buffer.from(data);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      await this.#wire.input(bytes.subarray(at, at + PIECE_BYTES), false);
    }
  }

  end(): Promise<void> {
    return this.#wire.input(Buffer.alloc(0), true);
  }

  resize({ columns, rows }: TerminalSize): Promise<void> {
    return this.#wire.tell({ $case: 'resize', value: { columns, rows } });
  }

  signal(signal: string): Promise<void> {
    return this.#wire.tell({ $case: 'signal', value: signal });
  }

  async detach(): Promise<void> {
    this.#hasLeft = true;
    this.#wire.leave();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#wire.send({ $case: 'close', value: {} });
    await this.exit.catch(() => undefined);
    await this.detach();
  }
}
