/** The agent's end of the connection to one host: many calls at once over one socket. */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, messageOf } from '../errors.ts';
import { FrameSocket } from './frame-socket.ts';
import { encodeFrame, type Frame, LAST_ID } from './frames.ts';
import { verdictOf } from './unix-socket.ts';
import { Waiters } from './waiters.ts';

/** What one call does with what it is sent. */
export interface CallEnd {
  onFrame(frame: Frame): void;
  /** The connection has ended; nothing more comes. */
  onBroken(error: HoldfastError): void;
  /** Somebody can do nothing until it is answered: it is no stream, and no question whether the host answers at all. */
  readonly isAwaited: boolean;
}

interface Begun extends CallEnd {
  /** On the clock of this process, in milliseconds. */
  readonly begunAt: number;
}

const CONNECT_AGAIN_MS = 10;

/**
 * Opens a channel. Throws UNAVAILABLE at once when nobody listens, and after `deadlineMs` when the listener is too busy
 * to accept. That somebody answers is known after the first call.
 */
export async function openChannel(path: string, deadlineMs: number): Promise<Channel> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    try {
      return new Channel(path, await connected(path));
    } catch (cause) {
      const verdict = verdictOf(cause);
      if (verdict !== 'unknown' || performance.now() > deadline) {
        const message = `nobody listens on ${path}: ${messageOf(cause)}`;
        throw new HoldfastError('UNAVAILABLE', message, { cause, details: { verdict } });
      }
      await delay(CONNECT_AGAIN_MS);
    }
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/**
 * Fails its calls with UNAVAILABLE as soon as the connection ends, and from then on, instead of waiting for a return: a
 * host that died never comes back under the same address. Keeps its process alive only while a call is under way.
 */
export class Channel {
  readonly #path: string;
  readonly #calls = new Map<number, Begun>();
  readonly #whenBroken = new Waiters();
  #connection: FrameSocket | undefined;
  #lastId = 0;
  #closed = false;

  constructor(path: string, socket: Socket) {
    this.#path = path;
    this.#adopt(socket);
  }

  #adopt(socket: Socket): void {
    const connection = new FrameSocket(socket, {
      onFrame: (frame) => this.#calls.get(frame.id)?.onFrame(frame),
      onBroken: (error) => this.#break(connection, error),
    });
    connection.hold(false);
    this.#connection = connection;
  }

  #break(connection: FrameSocket, error: HoldfastError): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.onBroken(error);
    this.#whenBroken.wake();
  }

  /** Sends a request and returns the call's id. Throws UNAVAILABLE without a connection, and what encoding throws. */
  begin(path: string, request: Uint8Array, call: CallEnd): number {
    const connection = this.#connection;
    if (connection === undefined) {
      throw new HoldfastError('UNAVAILABLE', `there is no connection to ${this.#path}`);
    }
    const id = this.#lastId === LAST_ID ? 1 : this.#lastId + 1;
    const frame = encodeFrame('request', id, request, path);
    this.#lastId = id;
    if (this.#calls.size === 0) connection.hold(true);
    this.#calls.set(id, { ...call, begunAt: performance.now() });
    connection.send(frame);
    return id;
  }

  /** How long the oldest call under way has waited for its answer, in milliseconds; 0 when none does. */
  waitedMs(): number {
    // In the order in which they began.
    for (const { isAwaited, begunAt } of this.#calls.values()) {
      if (isAwaited) return performance.now() - begunAt;
    }
    return 0;
  }

  /** Only for calls that have begun and not ended. */
  send(frame: Buffer): void {
    this.#connection?.send(frame);
  }

  /** The call has ended: what still comes for it is dropped. */
  forget(id: number): void {
    if (this.#calls.delete(id) && this.#calls.size === 0) this.#connection?.hold(false);
  }

  /** Resolves when there is no connection, or when `signal` aborts. */
  untilBroken(signal: AbortSignal): Promise<void> {
    return this.#connection === undefined ? Promise.resolve() : this.#whenBroken.wait(signal);
  }

  /** Connects anew where the connection has ended; the calls that broke stay broken. False when nobody accepts. */
  async reconnect(): Promise<boolean> {
    if (this.#connection !== undefined) return true;
    try {
      const socket = await connected(this.#path);
      if (this.#closed || this.#connection !== undefined) socket.destroy();
      else this.#adopt(socket);
    } catch {
      return false;
    }
    return !this.#closed;
  }

  /** Breaks the calls under way. Repeatable. */
  close(): void {
    this.#closed = true;
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#break(connection, new HoldfastError('UNAVAILABLE', 'the channel was closed'));
    connection.destroy();
  }
}
