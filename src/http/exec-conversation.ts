/** One WebSocket that reads one command beside a task, no faster than the caller reads, and writes to it in order. */
import type { RawData, WebSocket } from 'ws';
import { HoldfastError } from '../errors.ts';
import { sentError } from './answer.ts';
import { terminalSize } from './terminal-size.ts';
import type { ExecSession } from '../api.ts';

const STDIN = 0;
const CHANNELS = { stdout: 1, stderr: 2 } as const;
/** Bytes of input that the command has not taken: more than that is not read from the caller. */
const MOST_INPUT = 64 * 1024;

const NORMAL = 1000;
const SERVICE_ENDS = 1001;
const FAILED = 1011;

export class ExecConversation {
  readonly #socket: WebSocket;
  readonly #signal: AbortSignal;
  readonly #heartbeatMs: number;
  readonly #first = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  readonly #session = Promise.withResolvers<ExecSession>();
  #isOpening: boolean;
  #lastWrite: Promise<unknown> = Promise.resolve();
  #waitingBytes = 0;
  #isAlive = true;

  constructor(
    socket: WebSocket,
    { signal, heartbeatMs }: { readonly signal: AbortSignal; readonly heartbeatMs: number },
    /** The first message says what is wanted: whoever serves asks for it. */
    isOpening = false,
  ) {
    this.#isOpening = isOpening;
    this.#socket = socket;
    this.#signal = signal;
    this.#heartbeatMs = heartbeatMs;
    this.#first.promise.catch(() => undefined);
    this.#session.promise.catch(() => undefined);
    socket.on('message', (message, isBinary) => this.#hear(message, isBinary));
    socket.on('pong', () => (this.#isAlive = true));
    // What is wrong with a frame closes the socket, and that is heard of.
    socket.on('error', () => undefined);
    socket.once('close', () => this.#first.reject(new HoldfastError('ABORTED', 'he went away')));
  }

  /** What the first message says under this name. Errors: USAGE, ABORTED. */
  async first(name: string): Promise<unknown> {
    const message = await this.#first.promise;
    if (Object.hasOwn(message, name)) return message[name] ?? {};
    throw new HoldfastError('USAGE', `the first message is {"${name}": …}`);
  }

  /** Resolves when the socket is closed. A caller who goes away leaves the command alone: he may attach again. */
  async serve(opening: () => Promise<ExecSession>): Promise<void> {
    const beat = setInterval(() => this.#beat(), this.#heartbeatMs).unref();
    const gone = (): void => this.#socket.close(SERVICE_ENDS);
    this.#signal.addEventListener('abort', gone, { once: true });
    try {
      const session = await opening();
      await this.#pass(session);
    } catch (error) {
      this.#session.reject(error);
      this.#say({ ...sentError(error) });
      this.#socket.close(FAILED, HoldfastError.from(error).code);
    } finally {
      clearInterval(beat);
      this.#signal.removeEventListener('abort', gone);
    }
  }

  async #pass(session: ExecSession): Promise<void> {
    const { id, allocId, task } = session;
    this.#say({ opened: { session: id, allocId, task } });
    this.#session.resolve(session);
    const left = (): void => void session.detach().catch(() => undefined);
    this.#socket.once('close', left);
    for await (const { stream, data } of session.output) {
      if (this.#socket.readyState !== this.#socket.OPEN) return;
      await this.#send(Buffer.concat([Buffer.of(CHANNELS[stream]), data]));
    }
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const exit = await session.exit;
    this.#socket.off('close', left);
    this.#say({ exit });
    this.#socket.close(NORMAL);
  }

  #hear(message: RawData, isBinary: boolean): void {
    const bytes = Buffer.isBuffer(message) ? message : Buffer.concat([message].flat() as Buffer[]);
    if (isBinary) return this.#input(bytes);
    let said: unknown;
    try {
      said = JSON.parse(bytes.toString());
    } catch {
      return this.#wrong('a text message is JSON');
    }
    if (typeof said !== 'object' || said === null) return this.#wrong('a message is an object');
    if (this.#isOpening) {
      this.#isOpening = false;
      return this.#first.resolve(said as Readonly<Record<string, unknown>>);
    }
    void this.#session.promise
      .then((session) => this.#obey(session, said as Record<string, unknown>))
      .catch((error: unknown) => this.#wrong(HoldfastError.from(error).message));
  }

  #wrong(message: string): void {
    const error = new HoldfastError('USAGE', message);
    this.#first.reject(error);
    this.#say({ ...sentError(error) });
    this.#socket.close(FAILED, 'USAGE');
  }

  async #obey(session: ExecSession, said: Readonly<Record<string, unknown>>): Promise<void> {
    if ('resize' in said) return session.resize(terminalSize(said['resize']));
    if ('signal' in said) return session.signal(String(said['signal']));
    if ('end' in said) return this.#inTurn(() => session.end());
    if ('close' in said) return session[Symbol.asyncDispose]();
    throw new HoldfastError('USAGE', 'a message is resize, signal, end or close');
  }

  #input(bytes: Buffer): void {
    if (bytes[0] !== STDIN) return this.#wrong('a binary message begins with 0');
    const input = bytes.subarray(1);
    this.#waitingBytes += input.length;
    if (this.#waitingBytes > MOST_INPUT) this.#socket.pause();
    this.#inTurn(async () => {
      try {
        const session = await this.#session.promise;
        if (input.length > 0) await session.write(input);
      } finally {
        this.#waitingBytes -= input.length;
        if (this.#waitingBytes <= MOST_INPUT) this.#socket.resume();
      }
    });
  }

  /** Input in order, and its end after it. What comes after the command goes nowhere. */
  #inTurn(act: () => Promise<void>): void {
    this.#lastWrite = this.#lastWrite.then(act).catch(() => undefined);
  }

  #say(message: object): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Resolves when the connection has it, also when it is gone. */
  #send(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.send(bytes, () => resolve());
    });
  }

  /** Who does not answer is not there any more. */
  #beat(): void {
    if (!this.#isAlive) return this.#socket.terminate();
    this.#isAlive = false;
    this.#socket.ping();
  }
}
