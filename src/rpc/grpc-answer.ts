import type { Writable } from 'node:stream';
import type {
  ServerUnaryCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js';
import { toStatus } from './grpc-status.ts';

/** Answers a unary call with what `handler` returns, or with the status of what it throws. */
export function answer<Request, Response>(
  handler: (
    request: Request,
    signal: AbortSignal,
    call: ServerUnaryCall<Request, Response>,
  ) => Promise<Response> | Response,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    // Inside a promise, so that a handler that throws at once is answered like one that rejects.
    Promise.resolve()
      .then(() => handler(call.request, gone.signal, call))
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(toStatus(error)),
      );
  };
}

/** Streams what `source` yields; stops asking it while the caller does not read, and aborts it when the caller goes. */
export function answerStream<Request, Response>(
  source: (request: Request, signal: AbortSignal) => AsyncIterable<Response>,
): handleServerStreamingCall<Request, Response> {
  return (call) => {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    Promise.resolve()
      .then(() => writeAll(call, source(call.request, gone.signal), gone.signal))
      .then(
        () => call.end(),
        // The stream turns an error event into the status it ends with.
        (error: unknown) => call.emit('error', Object.assign(new Error('failed'), toStatus(error))),
      );
  };
}

/** Writes every message, waiting for `drain` whenever the peer's window is full. Ends early when `signal` aborts. */
export async function writeAll<Request, Response>(
  stream: ServerWritableStream<Request, Response>,
  messages: AsyncIterable<Response>,
  signal: AbortSignal,
): Promise<void> {
  for await (const message of messages) {
    if (signal.aborted) return;
    if (!stream.write(message)) await drained(stream, signal);
  }
}

/** Resolves when the peer takes more, or when `signal` aborts. */
export function drained(stream: Writable, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    stream.on('drain', done);
    signal.addEventListener('abort', done);
  });
}
