/** Stands in for `node:timers/promises`. */
import * as globals from './globals.ts';

interface Options {
  readonly signal?: AbortSignal;
  readonly ref?: boolean;
}

export function setTimeout<T>(delayMs = 0, value?: T, options: Options = {}): Promise<T> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(aborted());
    const timer = globals.setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve(value as T);
    }, delayMs);
    const stop = (): void => {
      globals.clearTimeout(timer);
      reject(aborted());
    };
    signal?.addEventListener('abort', stop, { once: true });
  });
}

export function setImmediate<T>(value?: T): Promise<T> {
  return new Promise((resolve) => globals.setImmediate(() => resolve(value as T)));
}

function aborted(): Error {
  return Object.assign(new Error('The operation was aborted'), { code: 'ABORT_ERR' });
}
