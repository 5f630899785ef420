/** Stands in for `src/rpc/framed-client.ts`: the same two calls over a simulated channel. */
import { HoldfastError } from '../../../src/errors.ts';
import type { CallOptions } from '../../../src/rpc/method.ts';
import type { SimulatedChannel } from './channel.ts';
import * as globals from './globals.ts';

interface Named {
  readonly path: string;
}

export function call(
  channel: SimulatedChannel,
  { path }: Named,
  request: unknown,
  options: CallOptions = {},
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    converse(channel, path, request, options, {
      onItem: resolve,
      onEnd: (error) => reject(error ?? new HoldfastError('INTERNAL', `${path} has no answer`)),
    });
  });
}

export async function* follow(
  channel: SimulatedChannel,
  { path }: Named,
  request: unknown,
  options: CallOptions = {},
): AsyncGenerator {
  const waiting: unknown[] = [];
  let end: { readonly error: HoldfastError | undefined } | undefined;
  let wake = (): void => undefined;
  const leave = converse(channel, path, request, options, {
    onItem(message) {
      waiting.push(message);
      wake();
    },
    onEnd(error) {
      end = { error };
      wake();
    },
  });
  try {
    for (;;) {
      for (const message of waiting.splice(0)) {
        if (isAborted(options)) return;
        yield message;
      }
      if (waiting.length > 0) continue;
      if (end !== undefined) {
        if (end.error !== undefined && !isAborted(options)) throw end.error;
        return;
      }
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    leave();
  }
}

interface Hearing {
  onItem(message: unknown): void;
  onEnd(error: HoldfastError | undefined): void;
}

function converse(
  channel: SimulatedChannel,
  path: string,
  request: unknown,
  options: CallOptions,
  hearing: Hearing,
): () => void {
  const { deadlineMs, signal } = options;
  let isOver = false;
  let leave = (): void => undefined;
  const finish = (error: HoldfastError | undefined): void => {
    if (isOver) return;
    isOver = true;
    globals.clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    hearing.onEnd(error);
  };
  const giveUp = (error: HoldfastError): void => {
    leave();
    finish(error);
  };
  const abort = (): void => giveUp(new HoldfastError('ABORTED', `${path} was aborted`));
  const late = (): void => giveUp(new HoldfastError('TIMEOUT', `${path}: ${deadlineMs} ms passed`));
  const timer = deadlineMs === undefined ? undefined : globals.setTimeout(late, deadlineMs);
  try {
    if (isAborted(options)) throw new HoldfastError('ABORTED', `${path} was aborted`);
    leave = channel.begin(path, request, { onItem: (item) => hearing.onItem(item), onEnd: finish });
    signal?.addEventListener('abort', abort, { once: true });
  } catch (error) {
    finish(HoldfastError.from(error));
  }
  return () => {
    if (!isOver) leave();
  };
}

function isAborted({ signal }: CallOptions): boolean {
  return signal?.aborted ?? false;
}
