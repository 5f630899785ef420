import { HoldfastError } from '../errors.ts';
import { failureToSend, toErrorBytes } from './error-bytes.ts';
import type { FramedService, Route } from './framed-server.ts';
import { badFrame, creditOf, encodeFrame, type Frame, itemCost, WINDOW_BYTES } from './frames.ts';

interface Served {
  readonly gone: AbortController;
  readonly streams: boolean;
  /** Bytes of items that may still be sent; one item may take it below zero. */
  credit: number;
  /** Wakes a source that waits for credit. */
  onCredit: () => void;
}

/** The calls of one connection, from the request to the last frame of the answer. */
export class ServedCalls {
  readonly #service: FramedService;
  readonly #send: (frame: Buffer) => void;
  readonly #running = new Map<number, Served>();
  #whenIdle: (() => void) | undefined;

  constructor(service: FramedService, send: (frame: Buffer) => void) {
    this.#service = service;
    this.#send = send;
  }

  /** Throws INTERNAL for a frame that no caller sends. */
  onFrame(frame: Frame): void {
    const served = this.#running.get(frame.id);
    if (frame.kind === 'request') {
      if (served !== undefined) throw badFrame(`call ${frame.id} was begun twice`);
      this.#begin(frame);
    } else if (frame.kind === 'credit') {
      if (served === undefined) return;
      served.credit += creditOf(frame);
      served.onCredit();
    } else if (frame.kind === 'cancel') {
      this.#drop(frame.id);
      served?.gone.abort();
    } else {
      throw badFrame(`a caller sends no ${frame.kind}`);
    }
  }

  /** The connection has ended: nobody waits for the answers. */
  abort(): void {
    const running = [...this.#running];
    for (const [id, served] of running) {
      this.#drop(id);
      served.gone.abort();
    }
  }

  /** Takes no new calls, ends streams, and resolves when every call is answered. */
  finish(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
      for (const [id, served] of this.#running) {
        if (!served.streams) continue;
        this.#fail(id, closing());
        served.gone.abort();
      }
      if (this.#running.size === 0) resolve();
    });
  }

  #begin({ id, path, payload }: Frame): void {
    this.#service.onCall?.();
    const route = this.#service.routes.get(path);
    if (route === undefined || this.#whenIdle !== undefined) {
      const refusal = route === undefined ? unknownMethod(path) : closing();
      return this.#send(encodeFrame('error', id, toErrorBytes(refusal)));
    }
    const streams = route.method.responseStream;
    const gone = new AbortController();
    const served = { gone, streams, credit: WINDOW_BYTES, onCredit: () => undefined };
    this.#running.set(id, served);
    // Deserialized now: the payload is a view that the next chunk replaces.
    const answered = answer(route, payload, gone.signal);
    void this.#settle(id, served, route, answered).catch((error: unknown) => this.#fail(id, error));
  }

  async #settle(
    id: number,
    served: Served,
    { method }: Route,
    answered: Promise<unknown>,
  ): Promise<void> {
    const value = await answered;
    if (!served.streams) return this.#last(id, 'response', method.responseSerialize(value));
    for await (const message of value as AsyncIterable<unknown>) {
      if (!this.#running.has(id)) return;
      const payload = method.responseSerialize(message);
      this.#send(encodeFrame('item', id, payload));
      served.credit -= itemCost(payload);
      if (served.credit <= 0) await credited(served);
      if (!this.#running.has(id)) return;
    }
    this.#last(id, 'end');
  }

  #fail(id: number, error: unknown): void {
    this.#last(id, 'error', toErrorBytes(failureToSend(error)));
  }

  /** The frame that ends a call; nothing when the caller has gone. */
  #last(id: number, kind: 'response' | 'end' | 'error', payload?: Buffer): void {
    if (!this.#running.has(id)) return;
    this.#send(encodeFrame(kind, id, payload));
    this.#drop(id);
  }

  #drop(id: number): void {
    this.#running.delete(id);
    if (this.#running.size === 0) this.#whenIdle?.();
  }
}

/** A handler that throws at once is answered like one that rejects. */
async function answer(
  { method, handler }: Route,
  payload: Buffer,
  signal: AbortSignal,
): Promise<unknown> {
  return handler(method.requestDeserialize(payload), signal);
}

function credited(served: Served): Promise<void> {
  const { signal } = served.gone;
  return new Promise((resolve) => {
    const look = (): void => {
      if (served.credit <= 0 && !signal.aborted) return;
      signal.removeEventListener('abort', look);
      served.onCredit = () => undefined;
      resolve();
    };
    served.onCredit = look;
    signal.addEventListener('abort', look);
    look();
  });
}

function unknownMethod(path: string): HoldfastError {
  return new HoldfastError('CAPABILITY_MISSING', `this host has no method ${path}`);
}

function closing(): HoldfastError {
  return new HoldfastError('UNAVAILABLE', 'the host is ending');
}
