import type { Client, ServiceError } from '@grpc/grpc-js';
import { HoldfastError } from '../errors.ts';
import { metadataFor } from './acting-for.ts';
import { fromStatus } from './grpc-status.ts';
import type { CalledMethod, CallOptions } from './method.ts';

/** One request, one answer. Throws the agent's HoldfastError; UNAVAILABLE, TIMEOUT or ABORTED where there is none. */
export function call<Request, Response>(
  channel: Client,
  method: CalledMethod<Request, Response>,
  request: Request,
  options: CallOptions = {},
): Promise<Response> {
  const { signal } = options;
  if (isAborted(signal)) return Promise.reject(abortedBeforeCall(method.path));
  return new Promise((resolve, reject) => {
    const cancel = (): void => running.cancel();
    const running = channel.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadataFor(options.actingFor),
      deadlineOf(options),
      (error, response) => {
        signal?.removeEventListener('abort', cancel);
        if (error !== null) reject(fromStatus(error, isAborted(signal)));
        else resolve(response as Response);
      },
    );
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

/**
 * One request, many answers, as they come. The agent waits when nobody takes them; leaving the loop ends the call. An
 * abort ends it without an error. Throws as `call` does.
 */
export async function* follow<Request, Response>(
  channel: Client,
  method: CalledMethod<Request, Response>,
  request: Request,
  options: CallOptions = {},
): AsyncGenerator<Response, void, undefined> {
  if (isAborted(options.signal)) return;
  const stream = channel.makeServerStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    request,
    metadataFor(options.actingFor),
    deadlineOf(options),
  );
  const cancel = (): void => stream.cancel();
  options.signal?.addEventListener('abort', cancel, { once: true });
  try {
    for await (const message of stream) yield message as Response;
  } catch (error) {
    if (!isAborted(options.signal)) throw fromStatus(error as ServiceError, false);
  } finally {
    options.signal?.removeEventListener('abort', cancel);
    // A cancelled stream reports that as an error, to nobody by now.
    stream.on('error', () => undefined);
    stream.cancel();
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted ?? false;
}

function deadlineOf(options: CallOptions): { deadline?: number } {
  return options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs };
}

function abortedBeforeCall(path: string): HoldfastError {
  return new HoldfastError('ABORTED', `${path} was aborted before it began`);
}
