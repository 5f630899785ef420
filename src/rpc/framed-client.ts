/** Calls from the agent to its hosts. */
import { HoldfastError } from '../errors.ts';
import { fromErrorBytes } from './error-bytes.ts';
import type { Channel } from './framed-channel.ts';
import { encodeCredit, encodeFrame, type Frame, itemCost, WINDOW_BYTES } from './frames.ts';
import type { CalledMethod, CallOptions } from './method.ts';

/** One request, one answer. Throws the host's HoldfastError; UNAVAILABLE, TIMEOUT or ABORTED where there is none. */
export function call<Request, Response>(
  channel: Channel,
  method: CalledMethod<Request, Response>,
  request: Request,
  options: CallOptions = {},
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const { path } = method;
    let answered = false;
    converse(channel, path, method.requestSerialize(request), options, {
      isAwaited: !path.endsWith('/Hello'),
      message: (payload) => {
        resolve(method.responseDeserialize(payload));
        answered = true;
      },
      done: (error) => {
        if (!answered) reject(error ?? new HoldfastError('INTERNAL', `${path} has no answer`));
      },
    });
  });
}

/**
 * One request, many answers, as they come. The host waits when nobody takes them; leaving the loop ends the call. An
 * abort ends it without an error. Throws as `call` does.
 */
export async function* follow<Request, Response>(
  channel: Channel,
  method: CalledMethod<Request, Response>,
  request: Request,
  options: CallOptions = {},
): AsyncGenerator<Response, void, undefined> {
  let waiting: { message: Response; cost: number }[] = [];
  let end = undefined as { error: HoldfastError | undefined } | undefined;
  let wake = (): void => undefined;
  const talk = converse(channel, method.path, method.requestSerialize(request), options, {
    isAwaited: false,
    message: (payload) => {
      waiting.push({ message: method.responseDeserialize(payload), cost: itemCost(payload) });
      wake();
    },
    done: (error) => {
      end = { error };
      wake();
    },
  });
  try {
    for (;;) {
      const batch = waiting;
      waiting = [];
      for (const { message, cost } of batch) {
        if (isAborted(options.signal)) return;
        yield message;
        talk.take(cost);
      }
      if (waiting.length > 0) continue;
      if (end?.error !== undefined && !isAborted(options.signal)) throw end.error;
      if (end !== undefined) return;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    talk.cancel();
  }
}

interface Hearing {
  readonly isAwaited: boolean;
  message(payload: Buffer): void;
  /** Once, as the last thing, unless the call was cancelled. */
  done(error?: HoldfastError): void;
}

interface Talk {
  /** The reader has taken items that cost this much. */
  take(cost: number): void;
  cancel(): void;
}

/** One call, of either kind, until it ends: by the host, the connection, the deadline, the signal or `cancel`. */
function converse(
  channel: Channel,
  path: string,
  request: Buffer,
  { deadlineMs, signal }: CallOptions,
  hearing: Hearing,
): Talk {
  let id: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let taken = 0;
  const finish = (error?: HoldfastError): void => {
    if (id === undefined) return;
    channel.forget(id);
    id = undefined;
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    hearing.done(error);
  };
  const leave = (error?: HoldfastError): void => {
    if (id === undefined) return;
    channel.send(encodeFrame('cancel', id));
    finish(error);
  };
  const abort = (): void => leave(new HoldfastError('ABORTED', `${path} was aborted`));
  const onFrame = (frame: Frame): void => {
    if (frame.kind === 'response' || frame.kind === 'item') hear(frame.payload, hearing, leave);
    if (frame.kind !== 'item') finish(frame.kind === 'error' ? errorOf(frame, path) : undefined);
  };
  try {
    if (isAborted(signal))
      throw new HoldfastError('ABORTED', `${path} was aborted before it began`);
    const { isAwaited } = hearing;
    id = channel.begin(path, request, { onFrame, onBroken: finish, isAwaited });
    signal?.addEventListener('abort', abort, { once: true });
    const late = (): void =>
      leave(new HoldfastError('TIMEOUT', `${path}: ${deadlineMs} ms passed`));
    if (deadlineMs !== undefined) timer = setTimeout(late, deadlineMs);
  } catch (error) {
    hearing.done(HoldfastError.from(error));
  }
  return {
    take: (cost) => {
      taken += cost;
      if (id === undefined || taken < WINDOW_BYTES / 2) return;
      channel.send(encodeCredit(id, taken));
      taken = 0;
    },
    cancel: () => leave(),
  };
}

function hear(payload: Buffer, hearing: Hearing, leave: (error: HoldfastError) => void): void {
  try {
    hearing.message(payload);
  } catch (error) {
    leave(HoldfastError.from(error));
  }
}

function errorOf({ payload }: Frame, path: string): HoldfastError {
  return fromErrorBytes(payload) ?? new HoldfastError('INTERNAL', `${path} failed without words`);
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted ?? false;
}
