import type { Socket } from 'node:net';
import { HoldfastError, messageOf } from '../errors.ts';
import { fromErrorBytes, toErrorBytes } from './error-bytes.ts';
import { encodeFrame, type Frame, FrameDecoder } from './frames.ts';

export interface FrameListener {
  /** Every frame of a call. What it throws breaks the connection. */
  onFrame(frame: Frame): void;
  /** Once, when nothing more comes: UNAVAILABLE with the cause in words. */
  onBroken(error: HoldfastError): void;
}

/** One connection that speaks frames, of either side. */
export class FrameSocket {
  readonly #socket: Socket;
  #failure: unknown;

  /** Of a socket that is connected. */
  constructor(socket: Socket, listener: FrameListener) {
    this.#socket = socket;
    const decoder = new FrameDecoder();
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of decoder.push(chunk)) this.#take(frame, listener);
      } catch (error) {
        this.#refuse(error);
      }
    });
    socket.on('error', (error) => (this.#failure ??= error));
    socket.once('close', () => {
      const why = this.#failure === undefined ? '' : `: ${messageOf(this.#failure)}`;
      const options = this.#failure === undefined ? {} : { cause: this.#failure };
      listener.onBroken(
        new HoldfastError('UNAVAILABLE', `the connection has ended${why}`, options),
      );
    });
  }

  #take(frame: Frame, listener: FrameListener): void {
    if (frame.id !== 0) listener.onFrame(frame);
    else this.#failure ??= fromErrorBytes(frame.payload);
  }

  /** Tells the other side what was wrong, and hears no more of it. */
  #refuse(error: unknown): void {
    this.#failure ??= error;
    this.#socket.removeAllListeners('data');
    this.#socket.end(encodeFrame('error', 0, toErrorBytes(HoldfastError.from(error))));
    this.#socket.destroySoon();
  }

  /** Nothing happens when the connection has ended. */
  send(frame: Buffer): void {
    if (this.#socket.writable) this.#socket.write(frame);
  }

  /** Whether this connection keeps its process alive. */
  hold(holds: boolean): void {
    if (holds) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Ends once what was sent is out. */
  end(): void {
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
